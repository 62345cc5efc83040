// The browser of all items. What is chosen is in the address, so that every view has a link.
const data = JSON.parse(document.getElementById("data").textContent);
const form = document.getElementById("filters"), list = document.getElementById("list");
const more = document.getElementById("more"), found = document.getElementById("found");
const AT_ONCE = 50;
const defaults = new URLSearchParams(new FormData(form));
let chosen = [], shown = 0;

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const both = ([zh, en]) => {
  const made = document.createDocumentFragment();
  made.append(element("span", { className: "t", lang: "zh-CN" }, zh), element("span", { className: "t", lang: "en" }, en));
  return made;
};

const searched = data.items.map((item) =>
  [item.id, item.reference, ...item.asked.map((turn) => turn[1]), ...item.answers].join("\n").toLowerCase());

// How good an answer is by a metric, 0 to 1; undefined where the metric says nothing about it.
const goodness = (item, system, metric) => {
  const by = metric === "" ? item.decisive : Number(metric);
  const score = item.scores[system][by];
  return score === undefined ? undefined : data.metrics[by].higher ? score : 1 - score;
};
const verdict = (good) => good === undefined ? "none" : good >= 1 ? "right" : good <= 0 ? "wrong" : "partly";

const CHANGES = {
  fixed: (before, after) => verdict(before) !== "right" && verdict(after) === "right",
  broken: (before, after) => verdict(before) === "right" && verdict(after) !== "right",
  higher: (before, after) => after > before,
  lower: (before, after) => after < before,
};
const changed = (item, wanted) => {
  const [other, system] = [wanted.other, wanted.system];
  if (wanted.change === "same" || wanted.change === "different")
    return (item.answers[other].trim() === item.answers[system].trim()) === (wanted.change === "same");
  const before = goodness(item, other, wanted.metric), after = goodness(item, system, wanted.metric);
  return before !== undefined && after !== undefined && CHANGES[wanted.change](before, after);
};
const matches = (wanted, words) => (item, place) =>
  (wanted.suite === "" || item.suite === Number(wanted.suite)) &&
  (wanted.kind === "" || item.kind === Number(wanted.kind)) &&
  (wanted.metric === "" || goodness(item, wanted.system, wanted.metric) !== undefined) &&
  (wanted.verdict === "" || verdict(goodness(item, wanted.system, wanted.metric)) === wanted.verdict) &&
  (!wanted.change || changed(item, wanted)) &&
  (wanted.odd === "" || item.odd[wanted.system].includes(wanted.odd)) &&
  (wanted.overlap === "" || item.overlaps === (wanted.overlap === "yes")) &&
  words.every((word) => searched[place].includes(word));

const MARKS = { right: "✓", wrong: "✗", none: "–" };
const chip = (item, system) => {
  const good = goodness(item, system, form.metric.value), said = verdict(good);
  const name = element("span", { className: "of" }, both(data.systems[system].name));
  const mark = element("b", { ariaHidden: "true" }, MARKS[said] ?? `${Math.round(100 * good)}%`);
  return element("span", { className: `chip ${said}` }, name, " ", mark, element("span", { className: "unseen" }, both(data.verdicts[said])));
};

const answer = (item, system) => {
  const scores = Object.entries(item.scores[system]).map(([metric, score]) =>
    element("span", {}, both(data.metrics[metric].name), ` ${(100 * score).toFixed(1)}%`));
  const stated = Object.entries(item.stated[system]).map(([scorer, value]) => element("span", {}, `${scorer}: ${value}`));
  const odd = item.odd[system].map((name) => element("em", { className: "odd" }, both(data.odd[name])));
  return element("div", { className: data.systems[system].colour },
    element("span", { className: "small" }, both(data.systems[system].name)), ...odd,
    element("p", { className: "text" }, item.answers[system]),
    element("span", { className: "scores" }, ...scores, ...stated));
};
const ROLES = { system: ["系统提示", "system"], user: ["用户", "user"], assistant: ["助手", "assistant"] };
const detail = (item) => {
  const turns = (item.asked.length > 1 ? item.asked : []).map(([role, text]) => // a single one is the summary
    element("p", { className: "turn" }, element("span", { className: "small" }, both(ROLES[role])), element("span", {}, text)));
  const link = element("a", { href: `#item=${encodeURIComponent(item.id)}` }, both(["链接", "link"]));
  const reference = element("div", {}, element("span", { className: "small" }, both(["参考答案", "Reference"])),
    element("p", { className: "text" }, item.reference));
  const overlap = item.overlaps ? [element("span", {}, both(["与训练数据重合", "overlaps with training data"]))] : [];
  return element("div", { className: "detail" }, ...turns,
    element("div", { className: "answers" }, ...data.systems.map((_, system) => answer(item, system)), reference),
    element("p", { className: "where" }, element("code", {}, item.id), ...overlap, link));
};
const row = (item) => {
  const question = item.asked.at(-1)[1];
  const about = element("span", { className: "about" }, both(data.suites[item.suite]), " · ", both(data.kinds[item.kind]));
  const summary = element("summary", {}, element("span", { className: "asked" }, question), about,
    element("span", { className: "chips" }, ...data.systems.map((_, system) => chip(item, system))));
  const made = element("details", {}, summary);
  made.dataset.id = item.id;
  made.addEventListener("toggle", () => {
    if (made.open && !made.querySelector(".detail")) made.append(detail(item));
    remember(made.open ? item.id : opened());
  });
  return element("li", {}, made);
};

const extend = (until) => {
  const last = Math.min(until, chosen.length);
  list.append(...chosen.slice(shown, last).map((item) => row(item)));
  shown = last;
  more.hidden = shown === chosen.length;
};
const filter = () => {
  const wanted = Object.fromEntries(new FormData(form));
  chosen = data.items.filter(matches(wanted, wanted.text.toLowerCase().split(/\s+/).filter(Boolean)));
  list.replaceChildren();
  shown = 0;
  extend(AT_ONCE);
  found.replaceChildren(both([`${data.items.length} 题中的 ${chosen.length} 题`, `${chosen.length} of ${data.items.length} items`]));
};

// The address: the language, the filters that are not as they were, and the open item.
const remember = (item) => {
  const parts = [...new FormData(form)].filter(([name, value]) => value !== defaults.get(name));
  if (document.documentElement.dataset.lang === "en") parts.unshift(["lang", "en"]);
  if (item) parts.push(["item", item]);
  history.replaceState(null, "", `#${new URLSearchParams(parts)}`);
};
const opened = () => list.querySelector("details[open]")?.dataset.id ?? "";
const follow = () => {
  const parts = new URLSearchParams(location.hash.slice(1)), id = parts.get("item");
  for (const [name, value] of defaults) form.elements[name].value = parts.get(name) ?? value;
  filter();
  const place = chosen.findIndex((item) => item.id === id);
  if (place < 0) return;
  extend(Math.max(shown, place + 1));
  const one = list.children[place].firstChild;
  one.open = true;
  one.scrollIntoView({ block: "center" });
  one.firstChild.focus({ preventScroll: true });
};

form.addEventListener("input", () => { filter(); remember(""); });
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => { filter(); remember(""); }));
more.addEventListener("click", () => {
  const next = shown;
  extend(shown + AT_ONCE);
  list.children[next].querySelector("summary").focus();
});
list.addEventListener("keydown", (event) => {
  const one = event.target.closest("li"), step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (event.key === "Escape") { one.firstChild.open = false; one.querySelector("summary").focus(); }
  if (!step || event.target.localName !== "summary" || !one[step]) return;
  event.preventDefault();
  one[step].querySelector("summary").focus();
});
addEventListener("hashchange", () => { if (location.hash.includes("=")) follow(); });
