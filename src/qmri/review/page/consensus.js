// Where two readers differ: both outlines on one image, what the difference is, and what is taken.

import { getBytes, getJson, post } from "./ask.js";

const COLOURS = [[255, 196, 0], [64, 176, 255], [255, 255, 255]];
const WORDS = {
  usable: "usable?", name: "name", only_first: "missed by the second", only_second: "missed by the first", outline: "outline (Dice)",
  height_ant_mm: "anterior height", height_mid_mm: "middle height", height_post_mm: "posterior height", grade: "grade", fracture: "fracture",
};
const shown = (value) => (typeof value === "number" ? Number(value.toFixed(2)) : value ?? "–");

export class Consensus {
  constructor(look) { this.look = look; this.told = null; }

  get open() { return this.told !== null; }

  // Show both readers of an examination, unless another one was opened meanwhile.
  async show(exam, reader, isCurrent) {
    const at = `api/consensus/${encodeURIComponent(exam)}`;
    const [told, outlines] = await Promise.all([getJson(`${at}/${reader}`), getBytes(`${at}/${reader}/outlines`)]);
    if (!isCurrent()) return;
    this.told = told;
    const legend = COLOURS.map((colour, place) => ({ id: place + 1, colour, level: "" }));
    const names = told.bodies.map(({ first, second, centre }) => ({
      level: first === second ? first : `${first ?? "–"} | ${second ?? "–"}`, centre,
      colour: first === second ? COLOURS[2] : first === null ? COLOURS[1] : COLOURS[0], flags: first === second ? [] : ["differs"],
    }));
    this.look.setBodies(names, legend);
    this.look.setLabels(outlines);
  }

  close() { this.told = null; }

  get remarks() {
    if (!this.told) return [];
    const { first_reader: first, second_reader: second, rows } = this.told;
    const lines = rows.map((row) => {
      const level = row.first_level === row.second_level ? row.first_level : [row.first_level, row.second_level].filter(Boolean).join(" | ");
      const values = row.first !== null || row.second !== null ? `: ${shown(row.first)} against ${shown(row.second)}` : "";
      const by = row.difference !== null ? ` (${shown(row.difference)}, limit ${shown(row.limit)}${row.unit === "1" ? "" : ` ${row.unit}`})` : "";
      return `${level ? `${level} ` : ""}${WORDS[row.what] ?? row.what}${values}${by}`;
    });
    return [`${first} yellow, ${second} blue, white where both`, ...(lines.length ? lines : ["no difference beyond the limits"])];
  }

  settle(exam, reader, take) {
    return post(`api/consensus/${encodeURIComponent(exam)}`, { reader, take });
  }
}
