// Only adds to the page: tables that sort and filter, and the values of figures. Everything can be read without it.
const cellOf = (row, i) => row.cells[i].textContent.trim();
const numberOf = (text) => Number.parseFloat(text.replaceAll(",", "").replace("−", "-"));
const made = (tag, properties) => Object.assign(document.createElement(tag), properties);

function compare(a, b, numeric, direction) {
  if (!numeric) return direction * a.localeCompare(b, undefined, { numeric: true });
  const [x, y] = [numberOf(a), numberOf(b)];
  // what has no number comes last, whichever way
  return Number.isNaN(x) || Number.isNaN(y) ? Number.isNaN(x) - Number.isNaN(y) : direction * (x - y);
}

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, i) => {
    const button = made("button", { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const direction = head.ariaSort === "ascending" ? -1 : 1;
      for (const other of heads) other.ariaSort = null;
      head.ariaSort = direction === 1 ? "ascending" : "descending";
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(cellOf(a, i), cellOf(b, i), head.classList.contains("n"), direction));
      table.tBodies[0].append(...rows);
    });
  });
}

function filterable(table) {
  const rows = [...table.tBodies[0].rows];
  const bar = made("div", { className: "filters", role: "search", ariaLabel: "Filter the table" });
  const said = made("output", { ariaLive: "polite" });
  const choices = [];
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    if (!("filter" in head.dataset)) return;
    const values = [...new Set(rows.map((row) => cellOf(row, i)))];
    values.sort((a, b) => compare(a, b, false, 1));
    const select = made("select", { name: head.textContent.toLowerCase() });
    select.append(made("option", { value: "", textContent: "all" }));
    select.append(...values.map((value) => made("option", { value, textContent: value })));
    const label = made("label", { textContent: `${head.textContent} ` });
    label.append(select);
    bar.append(label);
    choices.push([i, select]);
  });
  const words = made("input", { type: "search", name: "words", placeholder: "words, in any column" });
  const label = made("label", { textContent: "Text " });
  label.append(words);
  bar.append(label, said);
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(
        choices.every(([i, select]) => !select.value || cellOf(row, i) === select.value) &&
        wanted.every((word) => text.includes(word))
      );
    }
    said.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  bar.addEventListener("input", apply);
  table.parentElement.before(bar);
  apply();
}

function pointable(svg) {
  const points = [...svg.querySelectorAll("circle")];
  const said = made("output", { className: "value", ariaLive: "polite" });
  const hint = "Values: point at a marker, or focus the figure and use the arrow keys.";
  said.textContent = hint;
  svg.parentElement.after(said);
  svg.tabIndex = 0;
  let chosen = -1;
  const choose = (i) => {
    points[chosen]?.classList.remove("on");
    chosen = i;
    points[chosen]?.classList.add("on");
    said.textContent = points[chosen]?.textContent ?? hint;
  };
  svg.addEventListener("pointerover", (event) => choose(points.indexOf(event.target.closest("circle"))));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose((Math.max(chosen, step < 0 ? 0 : -1) + step + points.length) % points.length);
  });
}

document.querySelectorAll("table.sorted").forEach((table) => (filterable(table), sortable(table)));
document.querySelectorAll(".plot svg").forEach(pointable);
