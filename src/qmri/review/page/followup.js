// The sessions of a participant side by side: a level laid on where it lay at the first session, what changed, verdicts.

import { getBytes, getJson, post } from "./ask.js";
import { Linked, Look } from "./look.js";

const SIDES = ["first", "later"];
const FRAME = `
<div class="sessions"><div class="pane"><h2></h2><div class="view"><canvas tabindex="0" aria-label="first session"></canvas><div class="names" aria-hidden="true"></div></div></div>
<div class="pane"><h2></h2><div class="view"><canvas aria-label="later session"></canvas><div class="names" aria-hidden="true"></div></div></div>
<section aria-label="change"><p class="state" role="status"></p><table class="change"><thead></thead><tbody></tbody></table>
<p class="doubts" role="alert"></p><table class="levels"><thead><tr><th>Level</th><th class="words">Change</th><th class="words">New fracture</th></tr></thead><tbody></tbody></table></section></div>
<div class="keys" role="toolbar" aria-label="verdicts"></div>`;

const cell = (row, text, kind = "") => { const made = row.insertCell(); made.textContent = text; made.className = kind; };

export class FollowUp {
  // Named: a promise of whether somebody is named as the reader; closed: called when the panel was closed.
  constructor({ named, closed }) {
    Object.assign(this, { named, closed });
    this.level = "";
    this.map = "pdff";
  }

  get open() { return Boolean(this.dialog?.open); }

  async show(exam) {
    if (!this.dialog) await this.build();
    this.exam = exam;
    this.say("");
    this.dialog.showModal();
    this.panes[0].canvas.focus();
    document.body.dataset.followup = "loading";
    try {
      this.told = await getJson(this.at());
    } catch (error) {
      this.dialog.close();
      throw error;
    }
    const first = this.told.waiting[0] ?? this.told.levels.find((one) => one.word === "candidate")?.level ?? this.told.levels[0]?.level;
    await this.select(first);
  }

  async build() {
    this.dialog = document.createElement("dialog");
    this.dialog.id = "followup";
    this.dialog.innerHTML = FRAME;
    document.body.append(this.dialog);
    this.find = (what) => this.dialog.querySelector(what);
    this.dialog.addEventListener("close", () => { document.body.dataset.followup = "closed"; this.closed(); });
    this.dialog.addEventListener("cancel", (event) => { if (document.getElementById("ask").open) event.preventDefault(); });
    window.addEventListener("keydown", (event) => this.key(event), true);
    this.dialog.showModal(); // a canvas has a size only where it is shown
    const levels = await getJson("api/levels");
    const views = [...this.dialog.querySelectorAll(".view")];
    this.panes = views.map((view) => new Look(view.querySelector("canvas"), view.querySelector(".names")));
    for (const pane of this.panes) {
      await pane.start(levels);
      pane.viewer.setMultiplanarLayout(niivue.MULTIPLANAR_TYPE.GRID);
    }
    this.linked = new Linked(...this.panes);
    this.dialog.close();
    window.followup = this; // for whoever drives the page
  }

  at(rest = "") { return `api/followup/${encodeURIComponent(this.exam)}${rest}`; }

  async select(level) {
    const began = performance.now();
    this.level = level ?? "";
    document.body.dataset.followup = "loading";
    this.draw();
    for (const pane of this.panes) pane.close();
    this.find(".doubts").textContent = "";
    if (!level) { document.body.dataset.followup = "ready"; return; }
    const exam = this.exam, current = () => this.open && this.exam === exam && this.level === level;
    try {
      const pair = await getJson(this.at(`/${level}`));
      if (!current()) return;
      this.pair = pair;
      const layer = pair.layers.find((one) => one.key === this.map) ?? pair.layers[0];
      const parts = SIDES.map((side) => Promise.all([getBytes(this.at(`/${level}/${side}/layer/${layer.key}`)), getBytes(this.at(`/${level}/${side}/labels`))]));
      const loaded = await Promise.all(parts);
      if (!current()) return;
      this.linked.held = true;
      for (const [place, [image, labels]] of loaded.entries()) {
        await this.panes[place].open(layer, image, labels, pair.bodies[SIDES[place]]);
        this.panes[place].show(layer);
      }
      this.linked.held = false;
      this.map = layer.key;
      const centre = pair.bodies.first.find((body) => body.level === level)?.centre;
      if (centre) this.panes[0].goTo(centre);
      this.find(".doubts").textContent = pair.doubts.length ? `Laid on with doubt: ${pair.doubts.join("; ")}.` : "";
    } catch (error) {
      if (!current()) return;
      this.find(".doubts").textContent = error.message;
    } finally {
      this.linked.held = false;
    }
    document.body.dataset.followup = "ready";
    document.body.dataset.level = level;
    document.body.dataset.levelMilliseconds = String(Math.round(performance.now() - began));
    const next = this.told.waiting.find((one) => one !== level);
    if (next) getJson(this.at(`/${next}`)).catch(() => {}); // registered while this one is looked at
  }

  draw() {
    const { told } = this, days = told.days === null ? "" : `, day ${told.days}`;
    const [first, later] = this.dialog.querySelectorAll("h2");
    first.textContent = `${told.participant}: ${told.first}`;
    later.textContent = `${told.session}${days}, laid on ${told.first}`;
    const state = [told.waiting.length ? `waiting: ${told.waiting.join(", ")}` : told.read ? "read" : "not read to the end: h says that no other level is new"];
    if (told.no_other) state.push(`no other new fracture (${told.no_other})`);
    if (told.renamed.length) state.push(`names were changed after the verdict on ${told.renamed.join(", ")}`);
    if (told.stale) state.push("numbers are from before the last decisions");
    this.find(".state").textContent = state.join("; ");
    this.drawLevels();
    this.drawNumbers();
    this.drawKeys();
  }

  drawLevels() {
    const body = this.find(".levels tbody");
    body.replaceChildren();
    for (const one of this.told.levels) {
      const row = body.insertRow();
      row.dataset.level = one.level;
      row.setAttribute("aria-selected", String(one.level === this.level));
      row.className = this.told.waiting.includes(one.level) ? "waiting" : "";
      cell(row, one.level);
      cell(row, one.evidence || one.values.filter((value) => value.detected).map((value) => `${value.name} ${value.change}`).join(", "), "words");
      const word = { candidate: "candidate", known: "known before", unknown: "not compared", none: "" }[one.word];
      cell(row, one.verdict ? `${one.verdict} (${one.reader})` : this.told.earlier.includes(one.level) ? "confirmed before" : word, "words");
      row.addEventListener("click", () => this.select(one.level));
    }
    body.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  drawNumbers() {
    const one = this.told.levels.find((each) => each.level === this.level), table = this.find(".change");
    table.tHead.replaceChildren();
    table.tBodies[0].replaceChildren();
    if (!one) return;
    const head = table.tHead.insertRow();
    for (const text of [one.level, this.told.first, this.told.session, "change", "detectable"]) {
      const made = document.createElement("th");
      made.textContent = text;
      head.append(made);
    }
    for (const value of one.values) {
      const row = table.tBodies[0].insertRow();
      cell(row, `${value.name} ${value.unit}`);
      for (const text of [value.before, value.after]) cell(row, text);
      cell(row, value.change, value.detected ? "moved" : "");
      cell(row, value.detectable);
    }
  }

  drawKeys() {
    const made = this.actions().filter((action) => action.text).map((action) => {
      const button = document.createElement("button"), kbd = document.createElement("kbd");
      button.type = "button";
      kbd.textContent = action.name ?? action.key;
      button.append(`${action.text} `, kbd);
      button.addEventListener("click", () => { this.panes[0].canvas.focus(); action.act(); });
      return button;
    });
    const told = document.createElement("span");
    told.className = "said";
    told.textContent = this.said ?? "";
    told.classList.toggle("refused", Boolean(this.refused));
    this.find(".keys").replaceChildren(...made, told);
  }

  say(text, refused = false) {
    this.said = text;
    this.refused = refused;
    if (this.told) this.drawKeys();
  }

  actions() {
    const step = (x, y, z) => () => this.panes[0].step(x, y, z);
    const maps = { 1: "anatomy", 2: "pdff", 3: "r2star", 4: "water", 5: "fat" };
    return [
      { key: "f", text: "new fracture", act: () => this.decide("confirmed") },
      { key: "r", text: "no fracture here", act: () => this.decide("rejected") },
      { key: "h", text: "no other level", act: () => this.decide("none", "") },
      { key: "z", text: "take verdict back", act: () => this.decide("open") },
      { key: ",", text: this.told?.sessions.length > 1 ? "session before" : "", act: () => this.session(-1) },
      { key: ".", text: this.told?.sessions.length > 1 ? "session after" : "", act: () => this.session(1) },
      { key: "s", text: "close", act: () => this.dialog.close() },
      { key: "ArrowUp", act: () => this.move(-1) }, { key: "ArrowDown", act: () => this.move(1) },
      { key: "ArrowLeft", act: step(-1, 0, 0) }, { key: "ArrowRight", act: step(1, 0, 0) },
      { key: "PageUp", act: step(0, 0, 1) }, { key: "PageDown", act: step(0, 0, -1) },
      { key: "Home", act: step(0, 1, 0) }, { key: "End", act: step(0, -1, 0) },
      { key: "l", act: () => this.panes.forEach((pane) => pane.outlines(!pane.outlined)) },
      ...Object.entries(maps).map(([key, map]) => ({ key, act: () => { this.map = map; this.select(this.level); } })),
    ];
  }

  key(event) {
    if (!this.open || document.querySelector("dialog[open]:not(#followup)") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (["Enter", " "].includes(event.key) && event.target instanceof HTMLButtonElement) return;
    if (event.key === "Tab" || event.key === "Escape") return;
    event.stopImmediatePropagation();
    const action = this.actions().find((each) => each.key === event.key);
    if (!action) return;
    event.preventDefault();
    action.act();
  }

  move(by) {
    const levels = this.told.levels.map((one) => one.level), place = levels.indexOf(this.level) + by;
    if (levels[place]) this.select(levels[place]);
  }

  async session(by) {
    const exams = this.told.sessions.map((one) => one.exam), wanted = exams[exams.indexOf(this.told.exam) + by];
    if (wanted) { this.dialog.close(); await this.show(wanted); }
  }

  // A verdict is on the disk when the answer is here; then the next candidate without one is shown.
  async decide(verdict, level = this.level) {
    if (!(await this.named())) return;
    const had = this.level;
    try {
      this.told = await post(this.at("/verdict"), { level, verdict });
    } catch (error) { this.say(error.message, true); return; }
    this.say(`${level || "all other levels"}: ${verdict}, saved`);
    this.draw();
    document.body.dataset.verdict = `${level} ${verdict}`;
    const next = this.told.waiting[0];
    if (level && verdict !== "open" && next && next !== had) await this.select(next);
  }
}
