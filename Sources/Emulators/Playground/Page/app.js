// The playground: four windows, a journey and a fault switch, all over a small JSON API of the same origin.

import { channels, ChatWindow, icon, node } from "./windows.js";
import { JourneyPanel } from "./journey.js";

const questions = [
  "Do you have iPhone 15 in stock?",
  "Where is my order #1001?",
  "What are your opening hours?",
  "My e-mail is ann@example.com",
];

const presets = [
  ["off", "Off", "Everything works: webhooks arrive once and in order, every call is answered."],
  ["duplicates", "Doubles", "Half of the webhooks arrive twice or out of order. You still get one reply each."],
  ["rate_limits", "429s", "The platforms answer 429 to many calls. The gateway waits as long as it is told to."],
  ["dropped", "Lost", "Replies are posted, but the platform’s answer never comes back. Watch it reconcile."],
  ["chaos", "Chaos", "All of it at once, with errors, delays and forged webhooks. Nothing may get lost."],
];

const narrow = matchMedia("(max-width: 700px)");
let target = "all";
let current = "discord";
let after = 0;

// MARK: Talking to the server

async function call(path, options) {
  const answer = await fetch(`/playground/api/${path}`, { cache: "no-store", ...options });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `The playground answered ${answer.status}.`);
  return body;
}

const send = (path, method, body) =>
  call(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

function toast(text) {
  const box = document.querySelector("#toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, 6000);
}

function connection(state) {
  const box = document.querySelector("#link");
  if (box.dataset.state === state) return;
  box.dataset.state = state;
  box.querySelector("dd").textContent = { live: "live", connecting: "connecting", lost: "no connection" }[state];
}

// MARK: Windows

const journey = new JourneyPanel({
  fetchJourney: (channel, id) =>
    call(`journey?channel=${encodeURIComponent(channel)}&message_id=${encodeURIComponent(id)}`),
});

const windows = new Map(channels.map((channel) => [channel.id, new ChatWindow(channel, {
  onSend: (text) => say(channel.id, text),
  onSelect: (entry) => select(channel, entry),
  onFocus: (id) => { current = id; },
})]));
document.querySelector("#windows").append(...[...windows.values()].map((window) => window.element));

async function say(channel, text) {
  try {
    await send("messages", "POST", { channel, text });
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}

function select(channel, entry) {
  if (!entry.message_id) return;
  for (const [id, window] of windows) window.mark(id === channel.id ? entry.message_id : null);
  journey.follow(channel, entry);
}

async function listen() {
  let isStale = false;
  for (let wait = 0; ; ) {
    try {
      const { entries, last } = await call(`transcript?after=${after}&wait_ms=${wait}`);
      wait = 20000;
      if (isStale) for (const window of windows.values()) window.clear();
      isStale = false;
      connection("live");
      for (const entry of entries) windows.get(entry.channel)?.add(entry);
      // Of several messages that were sent at once, the journey follows the one in the window last used.
      const asked = entries.filter((entry) => entry.direction === "in" && entry.message_id);
      const mine = asked.findLast((entry) => entry.channel === current) ?? asked.at(-1);
      if (mine) select(channels.find((channel) => channel.id === mine.channel), mine);
      after = Math.max(after, last ?? 0, ...entries.map((entry) => entry.seq));
    } catch (error) {
      console.warn(error);
      connection("lost");
      // The emulators may come back as new ones, whose transcript begins again.
      isStale = true;
      after = 0;
      wait = 0;
      await new Promise((done) => setTimeout(done, 1500));
    }
  }
}

// MARK: Sample questions

function drawChips() {
  const choose = (id) => { target = id; };
  const choices = [{ id: "all", name: "All four" }, ...channels];
  document.querySelector("#targets").append(...choices.map(({ id, name }) => {
    const radio = node("input", { type: "radio", name: "target", value: id, checked: id === target });
    radio.addEventListener("change", () => choose(id));
    return node("label", { class: `target ${id}`, title: name }, radio, icon(id),
      node("span", { class: id === "all" ? "" : "hidden" }, name));
  }));
  document.querySelector("#chips").append(...questions.map((question) => {
    const chip = node("button", { type: "button", class: "chip" }, question);
    chip.addEventListener("click", () => {
      const wanted = narrow.matches ? [current] : target === "all" ? channels.map(({ id }) => id) : [target];
      for (const id of wanted) say(id, question);
    });
    return node("li", {}, chip);
  }));
}

// MARK: Tabs, for narrow screens

function drawTabs() {
  const tabs = channels.map((channel) => {
    const tab = node("button", { type: "button", class: `tab ${channel.id}`, "aria-controls": `window-${channel.id}` },
      icon(channel.id), node("span", {}, channel.name));
    tab.addEventListener("click", () => show(channel.id));
    return tab;
  });
  const bar = document.querySelector("#tabs");
  bar.append(...tabs);
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (channels.findIndex(({ id }) => id === current) + step + channels.length) % channels.length;
    show(channels[next].id);
    tabs[next].focus();
    event.preventDefault();
  });
  const show = (id) => {
    current = id;
    for (const [index, channel] of channels.entries()) {
      const isCurrent = channel.id === id;
      tabs[index].setAttribute("aria-pressed", String(isCurrent));
      tabs[index].tabIndex = isCurrent ? 0 : -1;
      windows.get(channel.id).element.classList.toggle("front", isCurrent);
    }
  };
  show(current);
}

// MARK: Faults

function drawFaults() {
  const explanation = document.querySelector("#faults-text");
  const radios = presets.map(([id, name, text]) => {
    const radio = node("input", { type: "radio", name: "faults", value: id });
    radio.addEventListener("change", () => {
      explanation.textContent = text;
      send("faults", "PUT", { preset: id }).catch((error) => toast(error.message));
    });
    return [radio, node("label", { class: "choice" }, radio, node("span", {}, name))];
  });
  document.querySelector("#faults").append(...radios.map(([, label]) => label));
  call("faults").then(({ preset }) => {
    const index = presets.findIndex(([id]) => id === preset);
    if (index < 0) return;
    radios[index][0].checked = true;
    explanation.textContent = presets[index][2];
  }).catch(() => {});
}

async function drawFacts() {
  try {
    const state = await call("state");
    document.querySelector("#fact-model").textContent = state.model || "unknown";
    const gateway = state.base_url || location.origin;
    document.querySelector("#fact-gateway").textContent = gateway.replace(/^https?:\/\//, "");
    for (const [id, window] of windows) {
      const isConnected = (state.windows ?? []).some((open) => open.channel === id);
      window.element.classList.toggle("offline", !isConnected);
      window.field.disabled = !isConnected;
      if (!isConnected) window.say("No bot is connected on this channel.");
    }
  } catch {
    connection("lost");
  }
}

drawChips();
drawTabs();
drawFaults();
drawFacts();
listen();
