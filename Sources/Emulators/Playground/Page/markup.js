// Turns each platform's own mark-up into DOM nodes. Message text never becomes HTML: nodes are built one by one, links
// are limited to safe schemes, and what is not understood stays the text that it is.

const safeLink = /^(https?:\/\/|mailto:|tel:)/i;

function element(name, ...children) {
  const node = document.createElement(name);
  node.append(...children);
  return node;
}

function link(url, label) {
  if (!safeLink.test(url)) return document.createTextNode(label ?? url);
  const node = element("a", label ?? url);
  node.href = url;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  return node;
}

const wrap = (name) => (match, inner) => element(name, ...inner(match[1]));
const verbatim = (name) => (match) => element(name, match[1]);
const spoiler = (match, inner) => {
  const node = element("span", ...inner(match[1]));
  node.className = "spoiler";
  node.tabIndex = 0;
  return node;
};
const bareLink = [/https?:\/\/[^\s<>)\]]+[^\s<>)\].,;:!?'"]/u, (match) => link(match[0])];

// A marker counts only at a word's edge: "snake_case" and "2*3*4" stay as they are.
const marker = (sign) =>
  new RegExp(`(?<![\\p{L}\\p{N}${sign}])${sign}(?=\\S)([^\\n]*?\\S)${sign}(?![\\p{L}\\p{N}${sign}])`, "u");

// Slack escapes these three and nothing else.
const slackText = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

const dialects = {
  mrkdwn: {
    inline: [
      [/`([^`\n]+)`/u, (match) => element("code", slackText(match[1]))],
      [
        /<(https?:[^|>\s]+|mailto:[^|>\s]+)(?:\|([^>]+))?>/u,
        (match) => link(slackText(match[1]), slackText(match[2] ?? match[1])),
      ],
      [/<[@#!]([^|>]+)(?:\|([^>]+))?>/u, (match) => mention(slackText(match[2] ?? match[1]))],
      [marker("\\*"), wrap("strong")],
      [marker("_"), wrap("em")],
      [marker("~"), wrap("s")],
    ],
    finish: slackText,
    quote: /^(?:&gt;|>) ?/u,
  },
  markdown: {
    inline: [
      [/\\([\\`*_{}[\]()#+\-.!~|>])/u, (match) => document.createTextNode(match[1])],
      [/``([^\n]+?)``/u, verbatim("code")],
      [/`([^`\n]+)`/u, verbatim("code")],
      [/\[([^\]\n]+)\]\(<?([^)\s>]+)>?\)/u, (match) => link(match[2], match[1])],
      [/<(https?:[^>\s]+)>/u, (match) => link(match[1])],
      [/<@!?(\d+)>/u, (match) => mention(match[1])],
      [/\|\|([^\n]+?)\|\|/u, spoiler],
      [/\*\*\*(?=\S)([^\n]+?\S?)\*\*\*/u, (match, inner) => element("strong", element("em", ...inner(match[1])))],
      [/\*\*(?=\S)([^\n]*?\S)\*\*/u, wrap("strong")],
      [/__(?=\S)([^\n]*?\S)__/u, wrap("u")],
      [/~~(?=\S)([^\n]*?\S)~~/u, wrap("s")],
      [/\*(?=[^\s*])([^*\n]*?[^\s*])\*/u, wrap("em")],
      [marker("_"), wrap("em")],
      bareLink,
    ],
    quote: /^> ?/u,
    headings: true,
    lists: true,
  },
  whatsapp: {
    inline: [
      [/`([^`\n]+)`/u, verbatim("code")],
      [marker("\\*"), wrap("strong")],
      [marker("_"), wrap("em")],
      [marker("~"), wrap("s")],
      bareLink,
    ],
    quote: /^> ?/u,
    lists: true,
  },
  plain: { inline: [bareLink] },
};

function mention(name) {
  const node = element("span", `@${name}`);
  node.className = "mention";
  return node;
}

function inline(text, dialect) {
  const nodes = [];
  let rest = text;
  while (rest) {
    let best = null;
    for (const [pattern, build] of dialect.inline) {
      const match = pattern.exec(rest);
      if (match && (!best || match.index < best.match.index)) best = { match, build };
    }
    if (!best) break;
    if (best.match.index > 0) nodes.push(finish(rest.slice(0, best.match.index), dialect));
    nodes.push(best.build(best.match, (inner) => inline(inner ?? "", dialect)));
    rest = rest.slice(best.match.index + best.match[0].length);
  }
  if (rest) nodes.push(finish(rest, dialect));
  return nodes;
}

const finish = (text, dialect) => document.createTextNode(dialect.finish ? dialect.finish(text) : text);

function fence(text, dialect) {
  const lines = text.split("\n");
  if (lines.length > 1 && /^[\w+#-]*$/u.test(lines[0])) lines.shift();
  const code = lines.join("\n").replace(/\n$/u, "");
  return element("pre", element("code", dialect.finish ? dialect.finish(code) : code));
}

// Lines into quotes, lists, headings, tables and paragraphs.
function blocks(text, dialect) {
  const nodes = [];
  let open = null;
  const close = () => { open = null; };
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    const item = dialect.lists && /^(\s*)([-*+•]|\d+[.)]) +(.*)$/u.exec(line);
    const heading = dialect.headings && /^(#{1,6}|-#) +(.*)$/u.exec(line);
    const row = dialect.headings && /^\s*\|.*\|\s*$/u.test(line);
    if (dialect.quote?.test(line)) {
      if (open?.kind !== "quote") nodes.push((open = { kind: "quote", node: element("blockquote") }).node);
      else open.node.append(element("br"));
      open.node.append(...inline(line.replace(dialect.quote, ""), dialect));
    } else if (row) {
      if (/^[\s|:-]+$/u.test(line)) continue;
      if (open?.kind !== "table") nodes.push((open = { kind: "table", node: element("table") }).node);
      const cells = line.trim().slice(1, -1).split("|").map((cell) =>
        element(open.node.childElementCount ? "td" : "th", ...inline(cell.trim(), dialect)));
      open.node.append(element("tr", ...cells));
    } else if (item) {
      const ordered = /\d/u.test(item[2]);
      const nested = item[1].length >= 2 && open?.kind === "list";
      if (!nested && (open?.kind !== "list" || open.ordered !== ordered)) {
        open = { kind: "list", ordered, node: element(ordered ? "ol" : "ul") };
        if (ordered) open.node.start = Number.parseInt(item[2], 10) || 1;
        nodes.push(open.node);
      }
      const entry = element("li", ...inline(item[3], dialect));
      if (nested) entry.className = "nested";
      open.node.append(entry);
    } else if (heading) {
      close();
      const node = element("p", ...inline(heading[2], dialect));
      node.className = heading[1] === "-#" ? "subtext" : `heading heading-${Math.min(heading[1].length, 3)}`;
      nodes.push(node);
    } else if (!line.trim()) {
      if (open?.kind !== "gap" && nodes.length && index < lines.length - 1) {
        nodes.push((open = { kind: "gap", node: element("span") }).node);
        open.node.className = "gap";
      }
    } else {
      if (open?.kind !== "text") nodes.push((open = { kind: "text", node: element("p") }).node);
      else open.node.append(element("br"));
      open.node.append(...inline(line, dialect));
    }
  }
  while (nodes.at(-1)?.className === "gap") nodes.pop();
  return nodes;
}

function render(text, dialect) {
  if (dialect === dialects.plain) return blocks(text, dialect);
  return text.split("```").flatMap((part, index, parts) =>
    index % 2 === 1 && index < parts.length - 1
      ? [fence(part, dialect)]
      : blocks(index % 2 === 1 ? `\`\`\`${part}` : part, dialect));
}

// Telegram's HTML, read by hand: the browser's parser never sees it. Tags that Telegram does not know fall away,
// attributes too, except a link's address.
const telegramTags = {
  b: "strong", strong: "strong", i: "em", em: "em", u: "u", ins: "u", s: "s", strike: "s", del: "s",
  code: "code", pre: "pre", blockquote: "blockquote", a: "a", "tg-spoiler": "span", span: "span",
};
const entities = { lt: "<", gt: ">", amp: "&", quot: '"' };

const entity = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(lt|gt|amp|quot));/giu;
const decoded = (text) => text.replace(entity, (all, decimal, hex, name) => {
  if (name) return entities[name.toLowerCase()];
  const code = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
});

function telegramElement(name, attributes) {
  if (name === "a") {
    const address = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/iu.exec(attributes);
    const url = decoded(address?.[1] ?? address?.[2] ?? "");
    return safeLink.test(url) ? Object.assign(link(url, ""), { textContent: "" }) : element("span");
  }
  const made = element(telegramTags[name]);
  if (name === "tg-spoiler" || (name === "span" && /tg-spoiler/.test(attributes))) {
    made.className = "spoiler";
    made.tabIndex = 0;
  }
  return made;
}

function telegram(markup) {
  const open = [{ name: null, node: element("div") }];
  const write = (text) => {
    const isVerbatim = open.some(({ name }) => name === "pre");
    for (const [index, line] of decoded(text).split("\n").entries()) {
      if (index) open.at(-1).node.append(isVerbatim ? "\n" : element("br"));
      if (line) open.at(-1).node.append(line);
    }
  };
  let end = 0;
  for (const tag of markup.matchAll(/<(\/?)([a-z][a-z\d-]*)([^<>]*)>/giu)) {
    write(markup.slice(end, tag.index));
    end = tag.index + tag[0].length;
    const name = tag[2].toLowerCase();
    if (!Object.hasOwn(telegramTags, name)) continue;
    if (!tag[1]) {
      const made = telegramElement(name, tag[3]);
      open.at(-1).node.append(made);
      open.push({ name, node: made });
    } else if (open.at(-1).name === name) {
      open.pop();
    }
  }
  write(markup.slice(end));
  return [open[0].node];
}

/** The nodes of a transcript entry's text, as its platform would show it. */
export function nodesFor(entry) {
  const markup = entry.markup;
  if (entry.format === "command") {
    const name = element("span", /^\/\S+/u.exec(markup ?? "")?.[0] ?? "/ask");
    name.className = "mention";
    return [element("p", name, " ", ...inline(entry.text ?? "", dialects.plain))];
  }
  if (typeof markup === "string" && markup) {
    if (entry.format === "HTML") return telegram(markup);
    const dialect = dialects[entry.format];
    if (dialect) return render(markup, dialect);
  }
  // Discord's text is its Markdown.
  return render(entry.text ?? "", entry.format === "markdown" ? dialects.markdown : dialects.plain);
}
