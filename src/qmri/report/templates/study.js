"use strict";
(function () {
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({
    row,
    states: row.dataset.state.split(" "),
    text: row.textContent.toLowerCase(),
    cells: Array.from(row.cells, (cell) => cell.textContent.trim()),
  }));
  const find = document.getElementById("find");
  const show = document.getElementById("show");
  const count = document.getElementById("count");
  const words = new Intl.Collator("en", { numeric: true });

  function filter() {
    const wanted = find.value.trim().toLowerCase();
    let shown = 0;
    for (const entry of rows) {
      const keep = (!show.value || entry.states.includes(show.value)) && entry.text.includes(wanted);
      entry.row.hidden = !keep;
      shown += keep;
    }
    count.textContent = `${shown} of ${rows.length}`;
  }

  function compare(column, numeric, sign) {
    return (a, b) => {
      const x = a.cells[column], y = b.cells[column];
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * (numeric ? x - y : words.compare(x, y));
    };
  }

  function sort(button) {
    const heading = button.closest("th");
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    rows.sort(compare(Number(button.dataset.column), button.dataset.kind === "number", descending ? -1 : 1));
    body.append(...rows.map((entry) => entry.row));
  }

  find.addEventListener("input", filter);
  show.addEventListener("change", filter);
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) sort(button);
  });
})();
