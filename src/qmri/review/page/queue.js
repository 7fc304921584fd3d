// The queue: what is to be read, worst first, and where the reader is in it.

const FILTERS = ["all", "to read", "unverified", "flagged", "failed", "follow-up", "consensus", "unseen", "mine"];

export class Queue {
  constructor(list, filter, onOpen) {
    this.list = list;
    this.filter = filter;
    this.onOpen = onOpen;
    this.rows = [];
    for (const name of FILTERS) filter.append(new Option(name, name));
    filter.addEventListener("change", () => this.draw());
    filter.addEventListener("keydown", (event) => { if (["Enter", "Escape"].includes(event.key)) filter.blur(); });
  }

  // The order stays as it was when the reading began: a row that was decided does not jump away.
  set(rows) { this.rows = rows; this.draw(); }

  update(row) {
    const place = this.rows.findIndex((each) => each.exam === row.exam);
    if (place >= 0) this.rows[place] = row;
    this.draw();
  }

  get visible() {
    const wanted = this.filter.value;
    return this.rows.filter((row) => wanted === "all" || row.exam === this.current ||
      (wanted === "to read" ? row.state !== "done" : row.filters.includes(wanted)));
  }

  get left() { return this.rows.filter((row) => row.state !== "done").length; }

  neighbour(step) {
    const visible = this.visible, place = visible.findIndex((row) => row.exam === this.current);
    return visible[place + step]?.exam;
  }

  draw(current = this.current) {
    this.current = current;
    for (const option of this.filter.options) {
      const count = this.rows.filter((row) => option.value === "all" ||
        (option.value === "to read" ? row.state !== "done" : row.filters.includes(option.value))).length;
      option.textContent = `${option.value} (${count})`;
    }
    this.list.replaceChildren(...this.visible.map((row) => {
      const item = document.createElement("li"), button = document.createElement("button"), why = document.createElement("small");
      button.textContent = row.exam.replace("sub-", "").replace("_ses-", " ");
      button.className = row.state === "done" ? "done" : row.filters.includes("failed") ? "failed" : row.state;
      button.dataset.exam = row.exam;
      button.title = row.why;
      why.textContent = row.state === "done" ? `read by ${row.done_by}` : row.why || row.state;
      button.append(why);
      if (row.exam === current) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => this.onOpen(row.exam));
      item.append(button);
      return item;
    }));
    this.list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }
}
