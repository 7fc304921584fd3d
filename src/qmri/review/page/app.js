// The review: an examination after the other, everything under a key, each decision saved before the page goes on.

import { ask, getBytes, getJson, post, Refused } from "./ask.js";
import { Beside } from "./beside.js";
import { Consensus } from "./consensus.js";
import { FollowUp } from "./followup.js";
import { drawLevels } from "./levels.js";
import { Look } from "./look.js";
import { Brush } from "./paint.js";
import { Queue } from "./queue.js";

const by = (id) => document.getElementById(id);
const look = new Look(by("canvas"), by("names"));
const queue = new Queue(by("queue"), by("filter"), (exam) => open(exam));
window.review = look; // for whoever drives the page
const brush = new Brush(look, (stroke) => decide("paint", { level: selected, ...stroke }));
const consensus = new Consensus(look), beside = new Beside(look, by("beside"));
const followup = new FollowUp({ named: async () => Boolean(study.reader) || nameReader(), closed: () => by("canvas").focus() });
const ahead = new Map(), versions = new Map();
let study = {}, told = {}, selected = "", visible = true, busy = Promise.resolve(), confirming = false;

const path = (exam, rest = "") => `api/exam/${encodeURIComponent(exam)}${rest}`;
const layerOf = (key) => told.layers?.find((layer) => layer.key === key);
const bodyOf = (level) => told.bodies?.find((body) => body.level === level);

const SAME_BODY_MM = 8;
const bodyAt = (mm) => mm && told.bodies?.find((body) => Math.hypot(...body.centre.map((value, axis) => value - mm[axis])) < SAME_BODY_MM);

function say(text, refused = false) {
  by("told").textContent = text;
  by("told").title = text;
  by("told").classList.toggle("refused", refused);
}

// What an examination needs to be shown; fetched before it is opened where it is the next one.
function fetchExam(exam) {
  const found = ahead.get(exam);
  ahead.delete(exam);
  return found ?? (async () => {
    const what = await getJson(path(exam));
    if (!what.images) return { told: what };
    const [labels, first] = await Promise.all([getBytes(path(exam, "/labels")), getBytes(path(exam, `/layer/${what.layers[0].key}`))]);
    return { told: what, labels, first };
  })();
}

const isShown = () => document.body.dataset.state === "ready" && told.exam === queue.current;

async function open(exam) {
  const began = performance.now();
  brush.use("", 0);
  by("name").textContent = exam;
  Object.assign(document.body.dataset, { state: "loading", ahead: "no" });
  queue.draw(exam);
  const { told: what, labels, first } = await fetchExam(exam).catch((error) =>
    ({ told: { exam, images: false, why_no_images: error.message, comments: [] } }));
  if (queue.current !== exam) return;
  told = what;
  versions.set(exam, told.version);
  selected = "";
  consensus.close();
  beside.close();
  by("view").hidden = !told.images;
  if (told.images) {
    await look.open(told.layers[0], first, labels, told.bodies);
    const worst = [...told.bodies].sort((a, b) => b.flags.length - a.flags.length)[0];
    const middle = told.bodies[Math.floor(told.bodies.length / 2)];
    if (middle) select((worst?.flags.length ? worst : middle).level);
  } else look.close();
  draw();
  say("");
  by("canvas").focus();
  document.body.dataset.exam = exam;
  document.body.dataset.state = "ready";
  by("sheet").hidden = true;
  document.body.dataset.first ??= String(Math.round(performance.now()));
  document.body.dataset.milliseconds = String(Math.round(performance.now() - began));
  if (study.reader && queue.rows.find((row) => row.exam === exam)?.filters.includes("unseen")) post(path(exam, "/seen")).catch(tell);
  await loadRest(exam);
}

// The other maps, then the next examination, while this one is looked at.
async function loadRest(exam) {
  for (const layer of (told.layers ?? []).slice(1)) {
    if (queue.current !== exam) return;
    await look.add(layer, await getBytes(path(exam, `/layer/${layer.key}`)));
  }
  document.body.dataset.layers = String(look.layers.size);
  const next = queue.neighbour(1);
  getJson(path(exam, "/ahead")).catch(tell);
  if (next && !ahead.has(next)) {
    const loading = fetchExam(next);
    ahead.clear();
    ahead.set(next, loading);
    await loading.catch(() => ahead.delete(next));
  }
  document.body.dataset.ahead = "yes";
}

function draw() {
  const warnings = [];
  if (told.unusable) warnings.push(`Not usable: ${told.unusable}.`);
  else if (told.failure) warnings.push(`Failed at ${told.failure}. ${told.remedy}`);
  if (told.images && !told.verified && !told.names_confirmed) warnings.push("The names are not verified: confirm or move them.");
  if (told.why_no_images && !told.failure) warnings.push(told.why_no_images);
  if (told.no_fractures) warnings.push(told.no_fractures);
  by("warning").textContent = warnings.join(" ");
  drawLevels(by("levels"), told, selected, select);
  const remarks = [...consensus.remarks, ...(told.doubts ?? []), ...told.comments.map((one) => `${one.reader}: ${one.text}`)];
  by("remarks").replaceChildren(...remarks.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  drawMaps();
  drawActions();
  drawProgress();
}

function drawProgress() {
  const minutes = study.seconds_left ? `, about ${Math.max(1, Math.round(study.seconds_left / 60))} min left` : "";
  by("progress").textContent = `${queue.rows.length - queue.left} of ${queue.rows.length} read${minutes}`;
  by("reader").textContent = study.read === "second" ? `${study.reader}, blinded second read` : study.reader || "who reads?";
  by("reader").disabled = study.read === "second";
  const state = told.again;
  by("measuring").textContent = !state ? (study.read === "second" ? "nothing is measured again" : "no study sheet named: numbers follow with the next qmri run")
    : state.failure ? `measuring failed: ${state.failure}` : state.running ? "measuring again …" : state.waiting ? "waits to be measured" : "";
  document.body.dataset.measuring = state?.waiting || state?.running ? "yes" : "no";
}

function button(text, key, act, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  const kbd = document.createElement("kbd");
  kbd.textContent = key;
  made.append(text + " ", kbd);
  if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", act);
  return made;
}

function drawMaps() {
  by("maps").replaceChildren(...(told.layers ?? []).map((layer) => {
    const key = Object.keys(MAPS).find((each) => MAPS[each] === layer.key) ?? "v";
    return button(layer.title, key, () => show(layer.key), look.shown === layer.key);
  }));
}

function drawActions() {
  const shown = ACTIONS.filter((action) => action.button && (!action.when || action.when()));
  by("actions").replaceChildren(...shown.map((action) =>
    button(action.text(), action.name ?? action.key, () => { by("canvas").focus(); perform(action); }, action.pressed?.())));
}

// A decision is about what is on the screen: none is taken while another examination is on its way there.
function perform(action) {
  if (action.button && !isShown()) say(`${queue.current} is being loaded`, true);
  else if (action.when && !action.when()) say(`${action.name ?? action.key}: not possible here`, true);
  else action.act();
}

function select(level) {
  selected = level;
  const body = bodyOf(level);
  if (body) look.goTo(body.centre);
  if (brush.mode) brush.use(brush.mode, body?.id ?? 0);
  for (const row of by("levels").tBodies[0].rows) if (row.dataset.level) row.setAttribute("aria-selected", String(row.dataset.level === level));
  by("levels").querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  drawActions();
}

async function show(key) {
  const layer = layerOf(key), exam = told.exam;
  if (!layer) { say("There is no such map here.", true); return; }
  if (!look.has(key)) await look.add(layer, await getBytes(path(exam, `/layer/${key}`)));
  if (told.exam !== exam) return;
  look.show(layer);
  if (beside.open) await showVendor();
  drawMaps();
}

// The vendor's map of what is shown, beside it.
async function showVendor() {
  const layer = layerOf(`vendor_${look.shown}`), exam = told.exam;
  if (!layer) { beside.close(); say("The scanner made no such map.", true); return; }
  const bytes = await getBytes(path(exam, `/layer/${layer.key}`));
  if (told.exam === exam) await beside.show(layer, bytes);
}
async function vendor() {
  if (beside.open) beside.close();
  else {
    if (!layerOf(`vendor_${look.shown}`)) await show("pdff");
    await showVendor();
  }
  document.body.dataset.beside = beside.open ? "yes" : "no";
}

function tell(error) { say(error.message, true); }

// Decisions go to the server one after the other; what is on the screen is what it says afterwards. Tells whether
// it was saved.
function decide(decision, what = {}) {
  const exam = told.exam;
  const decided = busy.then(async () => {
    if (!study.reader && !(await nameReader())) return false;
    try {
      const began = performance.now();
      const answer = await post(path(exam, "/decide"), { decision, version: versions.get(exam) ?? 0, ...what });
      await take(answer, exam);
      say(`${decision.replace("_", " ")}: saved${answer.note ? `; ${answer.note}` : ""}`);
      document.body.dataset.decided = `${decision} ${Math.round(performance.now() - began)}`;
      return true;
    } catch (error) {
      tell(error);
      if (error instanceof Refused && error.status === 409) await take(await getJson(path(exam)), exam, true);
      return false;
    }
  }).catch((error) => { tell(error); return false; });
  busy = decided;
  return decided;
}

async function take(what, exam, reload = false) {
  if (what.row) queue.update(what.row);
  if ("seconds_left" in what) study.seconds_left = what.seconds_left;
  versions.set(exam, what.version);
  if (told.exam !== exam) return;
  const changed = reload || what.version !== told.version;
  if (changed) consensus.close();
  const labels = what.images && changed ? await getBytes(path(exam, "/labels")) : null;
  await brush.rest();
  if (told.exam !== exam) return;
  const place = bodyOf(selected)?.centre;
  told = what;
  if (labels) {
    selected = bodyAt(place)?.level ?? selected; // the body stays selected, whatever it is called now
    look.setBodies(told.bodies);
    look.setLabels(labels);
    beside.refresh();
    if (!bodyOf(selected)) selected = "";
  }
  draw();
}

// Both readers on one image, or the labels that count.
async function compare() {
  const exam = told.exam, before = selected;
  brush.use("", 0);
  if (!consensus.open) await consensus.show(exam, told.consensus[0], () => told.exam === exam);
  else {
    consensus.close();
    await take(await getJson(path(exam)), exam, true);
    if (bodyOf(before)) select(before);
  }
  document.body.dataset.readers = consensus.open ? "both" : "one";
  draw();
}
async function settle(taken) {
  const exam = told.exam;
  if (!study.reader && !(await nameReader())) return;
  const answer = await consensus.settle(exam, told.consensus[0], taken);
  consensus.close();
  await take(answer, exam, true);
  say(`consensus: ${taken} taken, saved`);
  document.body.dataset.decided = "consensus";
}
const two = () => told.consensus?.length > 0;

async function nameReader() {
  const initials = await ask("Your initials", 12, study.reader);
  if (!initials) return false;
  try { study.reader = (await post("api/reader", { initials })).reader; } catch (error) { tell(error); return false; }
  drawProgress();
  return true;
}

const usable = () => !told.unusable;
const withBody = () => Boolean(bodyOf(selected));
// An answer about the examination that is shown; null where another one has come meanwhile.
async function askHere(question, most) {
  const exam = told.exam, answer = await ask(question, most);
  if (!answer || told.exam === exam) return answer;
  say(`${exam} is not shown any more: nothing was decided`, true);
  return null;
}
async function andGoOn(decided, exam = told.exam) {
  if (await decided && queue.current === exam) next(1);
}
async function confirm() {
  if (confirming) return;
  confirming = true;
  try { await andGoOn(decide("confirm")); } finally { confirming = false; }
}
function next(step) {
  const exam = queue.neighbour(step);
  if (exam) open(exam).catch(tell);
  else say(step > 0 ? "This is the last examination of the list." : "This is the first examination of the list.");
}
async function rename() {
  const to = await askHere(`New name of ${selected}`, 4);
  if (to) { const level = selected; selected = to.toUpperCase(); await decide("rename", { level, to: to.toUpperCase() }); }
}
async function add(point) {
  if (told.bodies.length) return decide("add", { point });
  const level = await askHere("Level of this first body", 4);
  if (level) return decide("add", { point, level: level.toUpperCase() });
}
async function notUsable() {
  if (told.unusable) return decide("usable");
  const text = await askHere("Why is the examination not usable?", 500);
  if (text) await andGoOn(decide("not_usable", { text }));
}
function fracture(kind) {
  const had = Object.entries(told.fractures ?? {}).filter(([, levels]) => levels.includes(selected)).map(([name]) => name);
  const others = had.filter((name) => name !== kind && (kind === "treated" || name === "treated"));
  decide("fracture", { level: selected, kinds: had.includes(kind) ? others : [...others, kind] });
}
function use(mode) {
  if (consensus.open && mode) { say("both readers are shown: k shows the labels that count", true); return; }
  brush.use(brush.mode === mode ? "" : mode, bodyOf(selected)?.id ?? 0);
  say(brush.mode ? `${mode}: ${selected}, ${brush.size} voxels wide; + and - change that, Esc ends` : "");
  drawActions();
}
const step = (x, y, z) => () => look.step(x, y, z);
function level(by) {
  const levels = (told.bodies ?? []).map((body) => body.level), place = levels.indexOf(selected);
  const wanted = levels[Math.min(levels.length - 1, Math.max(0, place + by))];
  if (wanted) select(wanted);
}

const MAPS = { 1: "anatomy", 2: "pdff", 3: "r2star", 4: "water", 5: "fat" };
const ACTIONS = [
  { key: "Enter", text: () => "confirm all", act: confirm, button: true, when: () => told.images && usable(), about: "confirm names and outlines, and go on" },
  { key: "[", text: () => "names up", act: () => decide("shift", { shift: -1 }), button: true, when: () => told.bodies?.length, about: "every name one level up: L3 becomes L2" },
  { key: "]", text: () => "names down", act: () => decide("shift", { shift: 1 }), button: true, when: () => told.bodies?.length, about: "every name one level down: L3 becomes L4" },
  { key: "r", text: () => "rename", act: rename, button: true, when: withBody, about: "another name for the selected level" },
  { key: "a", text: () => "add", act: () => add(look.crosshair), button: true, when: () => told.images, about: "cut a body at the crosshair; Ctrl+click cuts one at the pointer" },
  { key: "m", text: () => "move", act: () => decide("move", { level: selected, point: look.crosshair }), button: true, when: withBody, about: "cut the selected level anew at the crosshair" },
  { key: "Delete", name: "Del", text: () => "delete", act: () => decide("delete", { level: selected }), button: true, when: withBody, about: "take the selected level out" },
  { key: "b", text: () => "brush", act: () => use("brush"), button: true, when: withBody, pressed: () => brush.mode === "brush", about: "paint the selected level; other levels keep their voxels" },
  { key: "e", text: () => "erase", act: () => use("erase"), button: true, when: withBody, pressed: () => brush.mode === "erase", about: "take voxels from the selected level" },
  { key: "o", text: () => "over others", act: () => { brush.over = !brush.over; drawActions(); }, button: true, when: () => brush.mode === "brush", pressed: () => brush.over, about: "whether the brush takes voxels of other levels" },
  { key: "z", text: () => `undo ${told.undo.split(" ").slice(0, 2).join(" ")}`, act: () => decide("undo"), button: true, when: () => told.undo, about: "take the last decision back" },
  { key: "T", text: () => "treated", act: () => fracture("treated"), button: true, when: () => withBody() && told.fractures, pressed: () => told.fractures?.treated.includes(selected), about: "selected level: given cement" },
  { key: "A", text: () => "acute", act: () => fracture("acute"), button: true, when: () => withBody() && told.fractures, pressed: () => told.fractures?.acute.includes(selected), about: "selected level: recent fracture" },
  { key: "O", text: () => "old", act: () => fracture("old"), button: true, when: () => withBody() && told.fractures, pressed: () => told.fractures?.old.includes(selected), about: "selected level: old fracture" },
  { key: "c", text: () => "comment", act: async () => { const text = await askHere("Comment", 500); if (text) decide("comment", { text }); }, button: true, about: "a sentence for the record" },
  { key: "x", text: () => told.unusable ? "usable after all" : "not usable", act: notUsable, button: true, about: "the examination cannot be used, with a reason; once more: it can" },
  { key: "k", text: () => "both readers", act: () => compare().catch(tell), button: true, when: two, pressed: () => consensus.open, about: "both readers' outlines on one image, and in what they differ" },
  { key: "F", text: () => "take first", act: () => settle("first").catch(tell), button: true, when: () => two() && consensus.open, about: "consensus: the first read counts" },
  { key: "S", text: () => "take second", act: () => settle("second").catch(tell), button: true, when: () => two() && consensus.open, about: "consensus: the second read counts" },
  { key: "E", text: () => "settled as edited", act: () => settle("edited").catch(tell), button: true, when: () => two() && !consensus.open, about: "consensus: the labels count as they are now" },
  { key: "s", text: () => "sessions", act: () => followup.show(told.exam).catch(tell), button: true, when: () => told.sessions?.length > 1, about: "sessions side by side: what changed, new fractures" },
  { key: "n", about: "next examination", act: () => next(1) },
  { key: "p", about: "previous examination", act: () => next(-1) },
  { key: "ArrowUp", about: "level above", act: () => level(-1) },
  { key: "ArrowDown", about: "level below", act: () => level(1) },
  { key: "ArrowLeft", about: "slice to the patient's right", act: step(-1, 0, 0) },
  { key: "ArrowRight", about: "slice to the patient's left", act: step(1, 0, 0) },
  { key: "PageUp", about: "crosshair up", act: step(0, 0, 1) },
  { key: "PageDown", about: "crosshair down", act: step(0, 0, -1) },
  { key: "Home", about: "crosshair forward", act: step(0, 1, 0) },
  { key: "End", about: "crosshair back", act: step(0, -1, 0) },
  ...Object.entries(MAPS).map(([key, map]) => ({ key, about: `show ${{ anatomy: "in phase", pdff: "PDFF", r2star: "R2*" }[map] ?? map}`, act: () => show(map) })),
  { key: "v", about: "the vendor's map beside ours, where both exist", act: () => vendor().catch(tell) },
  { key: "w", about: "window and level as at first; drag with the right button changes them", act: () => look.resetContrast(layerOf(look.shown)) },
  { key: "l", about: "outlines off and on", act: () => { visible = !visible; look.outlines(visible); } },
  { key: "+", about: "wider brush", act: () => { brush.resize(1); say(`${brush.size} voxels wide`); } },
  { key: "-", about: "narrower brush", act: () => { brush.resize(-1); say(`${brush.size} voxels wide`); } },
  { key: "Escape", about: "end painting", act: () => use(brush.mode) },
  { key: "?", about: "these keys", act: () => by("help").showModal() },
];

function keys() {
  const table = by("help").querySelector("table");
  for (const action of ACTIONS) {
    const row = table.insertRow(), kbd = document.createElement("kbd");
    kbd.textContent = action.name ?? action.key;
    row.insertCell().append(kbd);
    row.insertCell().textContent = action.about;
  }
  // Before NiiVue, which has keys of its own.
  window.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLSelectElement) return;
    if (["Enter", " "].includes(event.key) && event.target instanceof HTMLButtonElement) return;
    const action = ACTIONS.find((each) => each.key === event.key);
    if (event.key !== "Tab") event.stopImmediatePropagation();
    if (!action) return;
    event.preventDefault();
    if (action.button && event.repeat) return; // a key held down decides once
    perform(action);
  }, true);
  by("canvas").addEventListener("mousedown", (event) => {
    if (!event.ctrlKey) return;
    event.stopImmediatePropagation();
    const place = look.under(event);
    if (place && isShown()) add(place.mm);
  }, true);
}

function tellPointer(event) {
  const place = told.images ? look.under(event) : null;
  if (!place) { by("pointer").textContent = ""; return; }
  const body = told.bodies.find((each) => each.id === look.labels[place.index]);
  const values = ["pdff", "r2star"].filter((key) => look.has(key)).map((key) => {
    const layer = layerOf(key), vendor = look.has(`vendor_${key}`) ? ` (vendor ${look.value(`vendor_${key}`, place.voxel).toFixed(0)})` : "";
    return `${layer.title} ${look.value(key, place.voxel).toFixed(0)}${vendor} ${layer.unit}`;
  });
  const numbers = body ? told.numbers[body.level] : null;
  const level = body ? `${body.level}${numbers ? `: median PDFF ${numbers.pdff_median_pct} %, R2* ${numbers.r2star_median_per_s} 1/s, heights ${numbers.height_ant_mm} / ${numbers.height_mid_mm} / ${numbers.height_post_mm} mm` : ""}` : "";
  by("pointer").textContent = [...values, level].filter(Boolean).join("   ");
}

// While something is measured, ask how far it is, and show the numbers that came of it.
async function watch() {
  if (told.exam && document.body.dataset.measuring === "yes") {
    const exam = told.exam;
    busy = busy.then(async () => { if (told.exam === exam) await take(await getJson(path(exam)), exam); }).catch(tell);
    await busy;
  }
  setTimeout(watch, 1500);
}

async function start() {
  study = await getJson("api/study");
  queue.set(study.queue);
  const first = queue.rows.find((row) => row.state !== "done") ?? queue.rows[0];
  if (!first) throw new Error("the results have no examination");
  // The reader's sheet is on the screen before NiiVue is.
  const loading = fetchExam(first.exam), sheet = by("sheet");
  ahead.set(first.exam, loading);
  queue.draw(first.exam);
  by("name").textContent = first.exam;
  sheet.src = path(first.exam, "/sheet");
  const [levels] = await Promise.all([getJson("api/levels"), loading.catch(() => {}), sheet.decode().catch(() => { sheet.hidden = true; })]);
  await new Promise(requestAnimationFrame);
  document.body.dataset.picture = String(Math.round(performance.now()));
  await look.start(levels);
  keys();
  by("reader").addEventListener("click", nameReader);
  by("help-button").addEventListener("click", () => by("help").showModal());
  by("canvas").addEventListener("mousemove", tellPointer);
  await open(first.exam);
  watch();
}

start().catch((error) => {
  document.body.dataset.state = "failed";
  by("warning").textContent = `The review cannot go on: ${error.message}. It needs a browser with WebGL 2.`;
});
