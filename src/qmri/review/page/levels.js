// The table of levels: numbers with what they were before, flags under the level that they speak of.

const COLUMNS = [
  ["pdff_median_pct", "PDFF %", 1], ["r2star_median_per_s", "R2* 1/s", 0], ["height_ant_mm", "ant mm", 1],
  ["height_mid_mm", "mid", 1], ["height_post_mm", "post", 1], ["genant_grade", "grade", 0],
];
const short = (text, digits) => text === undefined || text === "n/a" ? "–" : Number.isFinite(Number(text)) ? Number(text).toFixed(digits) : text;

function cell(text, title = "") {
  const td = document.createElement("td");
  td.textContent = text;
  td.title = title;
  return td;
}

export function drawLevels(table, told, selected, onSelect) {
  const head = document.createElement("tr");
  for (const title of ["level", ...COLUMNS.map((column) => column[1])]) {
    const th = document.createElement("th");
    th.textContent = title;
    head.append(th);
  }
  table.tHead.replaceChildren(head);
  const rows = [];
  for (const body of told.bodies ?? []) {
    const row = document.createElement("tr");
    row.dataset.level = body.level;
    row.setAttribute("aria-selected", String(body.level === selected));
    row.addEventListener("click", () => onSelect(body.level));
    const name = cell(body.level);
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = `rgb(${body.colour.join(",")})`;
    name.prepend(swatch);
    const kinds = Object.entries(told.fractures ?? {}).filter(([, levels]) => levels.includes(body.level)).map(([kind]) => kind);
    if (body.complete === false) kinds.push("cut off");
    if (kinds.length) name.append(Object.assign(document.createElement("small"), { textContent: kinds.join(", ") }));
    row.append(name);
    const now = told.numbers[body.level] ?? {}, was = told.before[body.level];
    for (const [key, , digits] of COLUMNS) {
      const td = cell(body.changed && told.again ? "…" : short(now[key], digits));
      if (was && was[key] !== now[key]) {
        td.classList.add("moved");
        const del = document.createElement("del");
        del.textContent = short(was[key], digits);
        td.append(del);
      }
      row.append(td);
    }
    rows.push(row);
    const flags = [...body.flags];
    if (body.confidence !== null && body.confidence !== undefined) name.title = `confidence ${body.confidence.toFixed(2)}`;
    if (flags.length) {
      const below = document.createElement("tr");
      below.className = "flags";
      const td = cell(flags.join("; "));
      td.colSpan = COLUMNS.length + 1;
      below.append(td);
      rows.push(below);
    }
  }
  table.tBodies[0].replaceChildren(...rows);
}
