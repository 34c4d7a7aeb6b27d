// Two entries of a board: paired differences scene by scene, and their renders under a slider.
// The choice is in the address: #mode=MODE&first=ENTRY&second=ENTRY. Numbers and pictures are those of the tables below.
"use strict";
(() => {
  const form = document.querySelector("#choice");
  const outcome = document.querySelector("#outcome");
  const tables = new Map([...document.querySelectorAll("table[data-compare]")].map((table) => [table.id, table]));
  const quantiles = form.dataset.quantiles.split(" ").map(Number);

  const make = (tag, values = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), values);
    node.append(...children);
    return node;
  };
  const rowsOf = (table) => new Map([...table.tBodies[0].rows].map((row) => [row.cells[0].textContent, row]));
  const number = (cell) => {
    const text = cell.dataset.v ?? cell.textContent.replace("\u2212", "-");
    return text === "–" ? null : Number(text);
  };

  function fill(wanted) {
    const table = tables.get(wanted.get("mode")) ?? tables.values().next().value;
    const names = [...rowsOf(table).keys()];
    form.elements.mode.value = table.id;
    ["first", "second"].forEach((part, i) => {
      const select = form.elements[part];
      select.replaceChildren(...names.map((name) => make("option", { value: name, textContent: name })));
      select.value = names.includes(wanted.get(part)) ? wanted.get(part) : names[Math.min(i, names.length - 1)];
    });
    show(table);
  }

  function show(table) {
    const rows = rowsOf(table);
    const [first, second] = [form.elements.first.value, form.elements.second.value];
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const sign = table.dataset.better === "higher" ? 1 : -1;
    const decimals = Number(table.dataset.decimals);
    const print = (value) => value.toFixed(decimals).replace("-", "\u2212");
    const signed = (value) => (value > 0 ? "+" : "") + print(value);
    const units = heads.map((head, i) => {
      const cells = [rows.get(first).cells[i + 1], rows.get(second).cells[i + 1]];
      const [a, b] = cells.map(number);
      return { head, cells, a, b, difference: a === null || b === null ? null : sign * (a - b) };
    });
    const differences = units.map((unit) => unit.difference).filter((value) => value !== null);
    outcome.replaceChildren(make("h2", { textContent: `${first} against ${second}` }), verdict(differences, signed, table));
    outcome.append(tableOf(units, first, second, print, signed, table));
    const pictured = units.filter((unit) => unit.cells.every((cell) => cell.dataset.p));
    if (pictured.length) outcome.append(slider(pictured, first, second));
    outcome.hidden = false;
  }

  function verdict(differences, signed, table) {
    const n = differences.length;
    if (!n) return make("p", { textContent: "They have no scene in common." });
    const mean = differences.reduce((sum, value) => sum + value, 0) / n;
    const better = differences.filter((value) => value > 0).length;
    const said = `${table.dataset.metric}, + means that the first is better: ${signed(mean)} on average; better on ${better} of ${n}.`;
    if (n < 2 || n - 2 >= quantiles.length) return make("p", { textContent: said });
    const spread = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) / n);
    const half = quantiles[n - 2] * spread;
    const told = mean - half > 0 || mean + half < 0 ? "" : " It contains 0: they cannot be told apart on these.";
    return make("p", { textContent: `${said} 95 % interval of the paired difference (Student’s t): ${signed(mean - half)} to ${signed(mean + half)}.${told}` });
  }

  function tableOf(units, first, second, print, signed, table) {
    const head = make("tr");
    [["On", ""], [first, "n"], [second, "n"], ["Difference", "n"]].forEach(([text, kind]) => head.append(make("th", { scope: "col", textContent: text, className: kind })));
    const body = make("tbody");
    units.forEach(({ head: unit, a, b, difference }) => body.append(make("tr", {},
      make("th", { scope: "row", textContent: unit.textContent }),
      ...[a === null ? "–" : print(a), b === null ? "–" : print(b), difference === null ? "–" : signed(difference)]
        .map((text) => make("td", { className: "n", textContent: text })))));
    const made = make("table", {}, make("caption", { textContent: `${table.dataset.metric}: paired differences, + means that the first is better.` }), make("thead", {}, head), body);
    return make("div", { className: "scroll", tabIndex: 0 }, made);
  }

  function slider(units, first, second) {
    const picture = (cell, alt) => make("img", { src: cell.dataset.p, alt });
    const holder = make("div", { className: "under" });
    const range = make("input", { type: "range", min: 0, max: 100, value: 50 });
    range.setAttribute("aria-label", `Share of ${first}; the rest is ${second}`);
    const scene = make("select", {}, ...units.map((unit, i) => make("option", { value: i, textContent: unit.head.textContent })));
    const photograph = make("figure", { className: "photograph" });
    const move = () => holder.lastChild.style.setProperty("clip-path", `inset(0 ${100 - range.value}% 0 0)`);
    const choose = () => {
      const unit = units[scene.value];
      holder.replaceChildren(picture(unit.cells[1], `render of ${second}`), picture(unit.cells[0], `render of ${first}`));
      photograph.replaceChildren();
      if (unit.head.dataset.p) photograph.append(picture(unit.head, "photograph"), make("figcaption", { textContent: "photograph" }));
      move();
    };
    range.addEventListener("input", move);
    scene.addEventListener("change", choose);
    choose();
    return make("div", { className: "slider" },
      make("label", { className: "tools" }, "Scene ", scene),
      make("figure", {}, holder, range, make("figcaption", { textContent: `left: ${first}, right: ${second}` })), photograph);
  }

  const recall = () => fill(new URLSearchParams(location.hash.slice(1)));
  form.addEventListener("change", () => {
    const state = new URLSearchParams(new FormData(form));
    history.replaceState(null, "", `#${state}`);
    fill(state);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", recall);
  form.hidden = false;
  recall();
})();
