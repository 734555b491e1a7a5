// The steps of one message, as they are stored, beside the stages that are still to come.

import { icon, node } from "./windows.js";

const stages = [
  ["received", "Received", ["receive", "webhook"]],
  ["verified", "Verified", ["verif", "signature", "proof"]],
  ["stored", "Stored", ["store", "accept", "inbox", "dedup"]],
  ["claimed", "Claimed", ["claim", "lane", "debounce"]],
  ["gates", "Gates", ["gate", "budget", "owner", "mention"]],
  ["context", "Context", ["context", "memory", "knowledge"]],
  ["model", "Model and tools", ["model", "tool", "step", "agent", "limit", "answer"]],
  ["committed", "Committed", ["commit"]],
  ["sent", "Sent", ["sen", "attempt", "reconcile", "outbox"]],
  ["delivered", "Delivered", ["deliver", "settled", "receipt"]],
];

const bad = /refus|reject|fail|error|dead|forged|drop|stop|den/i;
const waiting = /closed|limited|retry|wait|duplicate|uncertain|skip|ignore|again|defer|merge/i;

function stageOf({ step, verdict }) {
  const name = String(step).toLowerCase();
  // The last stage is a verdict on a sending, not a step of its own.
  if (name.startsWith("sen") && /^deliver/i.test(String(verdict))) return stages.length - 1;
  const exact = stages.findIndex(([id]) => id === name);
  return exact >= 0 ? exact : stages.findIndex(([, , words]) => words.some((word) => name.startsWith(word)));
}

function tone(verdict) {
  const text = String(verdict ?? "");
  return bad.test(text) ? "bad" : waiting.test(text) ? "waiting" : "good";
}

function duration(milliseconds) {
  if (typeof milliseconds !== "number") return "";
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(milliseconds >= 10000 ? 0 : 1)} s`;
  if (milliseconds === 0) return "";
  return milliseconds < 1 ? "<1 ms" : `${Math.round(milliseconds)} ms`;
}

const time = (at) => (typeof at === "number" ? at : Date.parse(at));

export class JourneyPanel {
  #subject = null;
  #timer = null;
  #shown = 0;

  constructor({ fetchJourney }) {
    this.fetchJourney = fetchJourney;
    this.list = document.querySelector("#journey-steps");
    this.subject = document.querySelector("#journey-subject");
    this.total = document.querySelector("#journey-total");
    this.#draw([]);
  }

  /** Follows a message until it is delivered, or for half a minute. */
  follow(channel, entry) {
    clearTimeout(this.#timer);
    this.#subject = { channel, id: entry.message_id, until: Date.now() + 30000 };
    this.#shown = 0;
    this.subject.replaceChildren(
      node("span", { class: `sign ${channel.id}` }, icon(channel.id)),
      node("span", { class: "quote" }, entry.text || "…"));
    this.#draw([]);
    this.#poll(this.#subject);
  }

  async #poll(subject) {
    const steps = await this.fetchJourney(subject.channel.id, subject.id).catch(() => null);
    if (subject !== this.#subject) return;
    if (Array.isArray(steps)) this.#draw(steps);
    const isOver = Array.isArray(steps)
      && steps.some((step) => stageOf(step) === stages.length - 1 || /^(dead|closed)/i.test(String(step.verdict)));
    // A settled message is looked at once more: the receipt of a second part may follow.
    if (isOver && subject.isSettled) return;
    subject.isSettled = isOver;
    if (Date.now() < subject.until) this.#timer = setTimeout(() => this.#poll(subject), isOver ? 1500 : 350);
  }

  #draw(steps) {
    const fresh = this.#shown;
    let furthest = -1;
    const rows = steps.map((step, index) => {
      const stage = stageOf(step);
      furthest = Math.max(furthest, stage);
      const value = String(step.value ?? "");
      const short = value.length > 160 ? `${value.slice(0, 160)}…` : value;
      return node("li", { class: `step ${tone(step.verdict)}${index >= fresh ? " fresh" : ""}` },
        node("span", { class: "dot", "aria-hidden": true }),
        node("div", { class: "what" },
          node("p", { class: "name" }, step.step ?? "", node("em", {}, step.verdict ?? "")),
          step.rule || value ? node("p", { class: "detail" }, node("span", {}, step.rule ?? ""),
            value ? node("code", {}, short) : "") : ""),
        node("span", { class: "ms" }, duration(step.milliseconds)));
    });
    const seen = new Set(steps.map((step) => stageOf(step)));
    const ahead = stages.map((stage, index) => ({ stage, index }))
      .filter(({ index }) => index > furthest && !seen.has(index))
      .map(({ stage }) => node("li", { class: "step ahead" }, node("span", { class: "dot", "aria-hidden": true }),
        node("div", { class: "what" }, node("p", { class: "name" }, stage[1]))));
    if (steps.length || !this.list.childElementCount || !fresh) this.list.replaceChildren(...rows, ...ahead);
    if (steps.length > fresh && this.list.scrollHeight > this.list.clientHeight && rows.length) {
      rows.at(-1).scrollIntoView({ block: "nearest" });
    }
    this.#shown = steps.length;
    const first = time(steps[0]?.at);
    const last = time(steps.at(-1)?.at);
    const span = Number.isFinite(first) && Number.isFinite(last) ? last - first : NaN;
    this.total.hidden = !Number.isFinite(span) || steps.length < 2;
    this.total.textContent = Number.isFinite(span) ? `${duration(Math.max(span, 1))} so far` : "";
    if (furthest === stages.length - 1) this.total.textContent = `${duration(Math.max(span, 1))} in all`;
  }
}
