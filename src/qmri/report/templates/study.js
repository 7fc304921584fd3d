"use strict";
(function () {
  // Rows beyond the first STEP wait in a template, where they cost no layout, until they are scrolled to.
  const STEP = 200;
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const waiting = document.getElementById("more").content.querySelectorAll("tr");
  const rows = [...body.rows, ...waiting].map((row) => ({
    row,
    states: row.dataset.state.split(" "),
    text: row.textContent.toLowerCase(),
    cells: Array.from(row.cells, (cell) => cell.textContent.trim()),
  }));
  const find = document.getElementById("find");
  const show = document.getElementById("show");
  const count = document.getElementById("count");
  const end = document.getElementById("end");
  const words = new Intl.Collator("en", { numeric: true });
  let kept = rows;

  function draw(number) {
    body.replaceChildren(...kept.slice(0, number).map((entry) => entry.row));
    end.hidden = number >= kept.length;
  }

  function filter() {
    const wanted = find.value.trim().toLowerCase();
    kept = rows.filter(
      (entry) => (!show.value || entry.states.includes(show.value)) && entry.text.includes(wanted),
    );
    count.textContent = `${kept.length} of ${rows.length}`;
    draw(STEP);
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
    filter();
  }

  find.addEventListener("input", filter);
  show.addEventListener("change", filter);
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) sort(button);
  });
  new IntersectionObserver(
    (seen) => seen.some((entry) => entry.isIntersecting) && draw(body.rows.length + STEP),
    { rootMargin: "800px" },
  ).observe(end);
  window.addEventListener("beforeprint", () => draw(kept.length));
  filter();
})();
