// The four chat windows: one element per message, in the platform's own dress.

import { nodesFor } from "./markup.js";

export const channels = [
  { id: "discord", name: "Discord", title: "ask-bob", note: "Bob’s Electronics server", hint: "Message #ask-bob" },
  { id: "telegram", name: "Telegram", title: "Bob’s Electronics", note: "bot", hint: "Message" },
  { id: "slack", name: "Slack", title: "Bob’s Electronics", note: "App", hint: "Message Bob’s Electronics" },
  { id: "whatsapp", name: "WhatsApp", title: "Bob’s Electronics", note: "Business account", hint: "Type a message" },
];

const typingFor = 8000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export function node(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** A platform's sign, drawn here: a simple shape that is recognised, no trade mark copied. */
export function icon(name) {
  const paths = {
    discord:
      "M6 7c4-2 8-2 12 0l2.4 8.6C18.9 17.2 17.2 18 15.6 18l-1-1.7a9 9 0 0 1-5.2 0L8.4 18c-1.6 0-3.3-.8-4.8-2.4z" +
      "M9.3 10.6a1.5 1.7 0 1 0 0 3.4 1.5 1.7 0 0 0 0-3.4zm5.4 0a1.5 1.7 0 1 0 0 3.4 1.5 1.7 0 0 0 0-3.4z",
    telegram: "M3.5 11.6 20 5l-2.6 14-5.2-4-2.7 2.8-.6-4.6L17 7.8l-9.9 5.3z",
    slack: "M8.3 3l-2 18h2.5l2-18zM15.2 3l-2 18h2.5l2-18zM4 10.4h17V7.9H4zM3 16.3h17v-2.5H3z",
    whatsapp:
      "M12 3a9 9 0 0 0-7.7 13.6L3 21l4.5-1.3A9 9 0 1 0 12 3zM9 7.6" +
      "c.5 0 .7.1 1.5 2.2 0 .4-.3.7-.8 1.3.7 1.3 1.7 2.2 3.1 2.8.5-.5.9-1.1 1.2-1.1 1.9.8 2 .9 2 1.2 0 1-1" +
      " 1.9-2.2 1.9-2.9 0-6.3-3.1-6.3-6.1" +
      "C7.5 8.6 8.2 7.6 9 7.6z",
    all: "M5 4h6v6H5zm8 0h6v6h-6zM5 12h6v6H5zm8 0h6v6h-6z",
    send: "M4 4l17 8-17 8 2.5-8zm3.6 7h7.4v2H7.6z",
    trace:
      "M6 4a2.5 2.5 0 0 1 1 4.8V11h8a3 3 0 0 1 3 3v1.2a2.5 2.5 0 1 1-2 0V14a1 1 0 0 0-1-1H7v2.2" +
      "a2.5 2.5 0 1 1-2 0V8.8A2.5 2.5 0 0 1 6 4z",
  };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  svg.classList.add("icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[name] ?? paths.all);
  path.setAttribute("fill-rule", name === "slack" ? "nonzero" : "evenodd");
  svg.append(path);
  return svg;
}

/** One window. `onSend(text)` must answer with a promise; `onSelect(entry)` shows a message's journey. */
export class ChatWindow {
  #messages = new Map();
  #typingTimer = null;
  #last = null;

  constructor(channel, { onSend, onSelect, onFocus }) {
    this.channel = channel;
    this.onSend = onSend;
    this.onSelect = onSelect;
    const heading = `title-${channel.id}`;
    this.log = node("ol", { class: "log", role: "log", "aria-live": "polite", tabindex: 0,
      "aria-label": `${channel.name} messages` });
    this.typing = node("p", { class: "typing", hidden: true }, node("span", { class: "dots", "aria-hidden": true },
      node("i"), node("i"), node("i")), node("span", { class: "typing-text" }, "Bob’s Electronics is typing…"));
    this.field = node("textarea", { "data-channel": channel.id, id: `say-${channel.id}`, rows: 1, maxlength: 4000,
      placeholder: channel.hint, autocomplete: "off", enterkeyhint: "send" });
    this.form = node("form", { class: "composer" },
      node("label", { class: "hidden", for: `say-${channel.id}` }, `Write to Bob’s Electronics on ${channel.name}`),
      this.field,
      node("button", { class: "send", type: "submit", "aria-label": `Send on ${channel.name}` }, icon("send")));
    this.element = node("section", { class: `window ${channel.id}`, id: `window-${channel.id}`,
      "data-channel": channel.id, "aria-labelledby": heading },
      node("header", { class: "bar" },
        node("span", { class: "avatar bot", "aria-hidden": true }, channel.id === "discord" ? "#" : "B"),
        node("div", { class: "who" },
          node("h2", { id: heading }, node("span", { class: "hidden" }, `${channel.name}: `), channel.title),
          node("p", {}, channel.note)),
        node("span", { class: "platform" }, icon(channel.id), channel.name)),
      node("div", { class: "scroll" }, this.log, this.typing), this.form);
    this.scroll = this.element.querySelector(".scroll");
    this.hint = node("span", {}, "Say hello, or pick a question above.");
    this.empty = node("li", { class: "empty" }, node("span", { class: "avatar bot", "aria-hidden": true }, "B"),
      node("strong", {}, "Bob’s Electronics"), this.hint);
    this.log.append(this.empty);
    // A window that changes its size keeps showing the newest message.
    new ResizeObserver(() => { this.scroll.scrollTop = this.scroll.scrollHeight; }).observe(this.scroll);
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.#submit(); }
    });
    this.field.addEventListener("input", () => this.#grow());
    this.element.addEventListener("focusin", () => onFocus?.(channel.id));
  }

  async #submit() {
    const text = this.field.value.trim();
    if (!text) return;
    this.field.value = "";
    this.#grow();
    if (!(await this.onSend(text)) && !this.field.value) {
      this.field.value = text;
      this.#grow();
    }
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 110)}px`;
  }

  /** Shows one entry of the transcript. */
  add(entry) {
    if (entry.direction === "typing") return this.#showTyping();
    const isReply = entry.direction === "out";
    if (isReply) this.#hideTyping();
    const known = entry.edited && this.#messages.get(entry.message_id);
    if (known) {
      known.querySelector(".text").replaceChildren(...nodesFor(entry));
      known.classList.add("edited");
      this.#keepAtEnd();
      return;
    }
    this.empty.remove();
    const person = isReply ? "Bob’s Electronics" : "Ann";
    const key = `${entry.direction}-${entry.user}`;
    const isFollowUp = this.#last?.key === key && entry.at - this.#last.at < 120000;
    this.#last = { key, at: entry.at };
    const when = new Date(entry.at);
    const trace = node("button", { class: "trace", type: "button", title: "Show the journey",
      "aria-label": `Show the journey of ${isReply ? "this reply" : "your message"}` }, icon("trace"));
    const message = node("li", { class: `message ${entry.direction}${isFollowUp ? " follows" : ""}`,
      "data-message-id": entry.message_id, "data-seq": entry.seq, "data-flag": entry.flag },
      node("span", { class: `avatar ${isReply ? "bot" : "person"}`, "aria-hidden": true }, isReply ? "B" : "A"),
      node("div", { class: "bubble" },
        node("p", { class: "by" }, node("strong", {}, person), isReply ? node("span", { class: "tag" }, "APP") : "",
          node("time", { datetime: when.toISOString() }, clock.format(when))),
        node("div", { class: "text" }, ...nodesFor(entry)),
        node("time", { class: "stamp", datetime: when.toISOString(), "aria-hidden": true }, clock.format(when))),
      trace);
    message.addEventListener("click", (event) => {
      if (event.target.closest("a") || String(getSelection() ?? "")) return;
      this.onSelect(entry);
    });
    if (entry.message_id) this.#messages.set(entry.message_id, message);
    this.log.append(message);
    this.#keepAtEnd(!isReply);
  }

  /** Marks the message whose journey is shown. */
  mark(messageID) {
    for (const message of this.log.querySelectorAll(".message")) {
      message.classList.toggle("selected", message.dataset.messageId === messageID);
    }
  }

  /** What an empty window says. */
  say(text) { this.hint.textContent = text; }

  clear() {
    this.#messages.clear();
    this.#last = null;
    this.#hideTyping();
    this.log.replaceChildren(this.empty);
  }

  #showTyping() {
    this.typing.hidden = false;
    this.#keepAtEnd();
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.#hideTyping(), typingFor);
  }

  #hideTyping() {
    clearTimeout(this.#typingTimer);
    this.typing.hidden = true;
  }

  #keepAtEnd(always = false) {
    const distance = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight;
    if (always || distance < 400) this.scroll.scrollTop = this.scroll.scrollHeight;
  }
}
