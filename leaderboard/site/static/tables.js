// Sort, filter and choose columns of the tables of a page; the state is in the address, so that it can be passed on:
// #TABLE.sort=KEY (or -KEY, worst first)&TABLE.filter=TEXT&TABLE.hide=KEY,KEY. Ranks are text and never change.
"use strict";
(() => {
  const tables = [...document.querySelectorAll("table[data-tools]")].map(prepare);
  if (!tables.length) return;

  function prepare(table) {
    const view = {
      id: table.id,
      body: table.tBodies[0],
      rows: [...table.tBodies[0].rows],
      heads: [...table.tHead.rows[0].cells],
      tools: document.querySelector(`.tools[data-for="${CSS.escape(table.id)}"]`),
      sort: "", filter: "", hide: new Set(),
    };
    view.texts = view.rows.map((row) => row.querySelector("th").textContent.toLowerCase());
    view.heads.forEach((head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      // Once best first, once worst first, then as the page was.
      const key = head.dataset.key;
      button.addEventListener("click", () => {
        view.sort = view.sort === key ? `-${key}` : view.sort === `-${key}` ? "" : key;
        show(view);
        remember();
      });
    });
    if (view.tools) equip(view);
    return view;
  }

  function equip(view) {
    view.input = view.tools.querySelector("input");
    view.output = view.tools.querySelector("output");
    view.boxes = view.heads.filter((head) => head.dataset.key !== "entry").map((head) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.value = head.dataset.key;
      label.append(box, ` ${head.textContent.replace(/\s+/g, " ").trim()}`);
      box.addEventListener("change", () => {
        view.hide[box.checked ? "delete" : "add"](box.value);
        show(view);
        remember();
      });
      view.tools.querySelector(".choices").append(label);
      return box;
    });
    view.input.addEventListener("input", () => {
      view.filter = view.input.value;
      narrow(view);
      remember();
    });
    view.tools.querySelector(".reset").addEventListener("click", () => {
      Object.assign(view, { sort: "", filter: "", hide: new Set() });
      show(view);
      remember();
    });
    const columns = view.tools.querySelector(".columns");
    columns.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      columns.open = false;
      columns.querySelector("summary").focus();
    });
    document.addEventListener("click", (event) => {
      if (!columns.contains(event.target)) columns.open = false;
    });
    view.tools.hidden = false;
  }

  // A cell without a number comes last in both directions.
  function order(view) {
    const down = view.sort.startsWith("-");
    const index = view.heads.findIndex((head) => head.dataset.key === view.sort.replace(/^-/, ""));
    if (index < 0) return view.rows;
    const kind = view.heads[index].dataset.sort;
    const sign = (kind === "high" ? -1 : 1) * (down ? -1 : 1);
    const value = (row) => {
      const cell = row.cells[index];
      if (kind === "text") return cell.textContent.trim().toLowerCase();
      // The text is the number where nothing was rounded away.
      const number = cell.dataset.v ?? cell.textContent.match(/^\s*[●○]?(-?\d+(?:\.\d+)?)\s*$/)?.[1];
      return number === undefined ? null : Number(number);
    };
    const keyed = view.rows.map((row) => [value(row), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return a < b ? -sign : a > b ? sign : 0;
    });
    return keyed.map(([, row]) => row);
  }

  function show(view) {
    const down = view.sort.startsWith("-");
    view.heads.forEach((head, i) => {
      const key = head.dataset.key;
      if (key === view.sort.replace(/^-/, "")) {
        head.setAttribute("aria-sort", (head.dataset.sort === "high") !== down ? "descending" : "ascending");
      } else head.removeAttribute("aria-sort");
      const hidden = view.hide.has(key);
      if (head.hidden !== hidden) [head, ...view.rows.map((row) => row.cells[i])].forEach((cell) => { cell.hidden = hidden; });
    });
    const rows = order(view);
    if (rows.some((row, i) => view.body.rows[i] !== row)) view.body.append(...rows);
    narrow(view);
    if (!view.tools) return;
    if (view.input.value !== view.filter) view.input.value = view.filter;
    view.boxes.forEach((box) => { box.checked = !view.hide.has(box.value); });
  }

  // All that a keystroke in the filter asks for.
  function narrow(view) {
    const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    view.rows.forEach((row, i) => {
      const hidden = !words.every((word) => view.texts[i].includes(word));
      if (row.hidden !== hidden) row.hidden = hidden;
      shown += !hidden;
    });
    if (view.tools) view.output.textContent = words.length ? `${shown} of ${view.rows.length} rows; ranks are those of all` : "";
  }

  function remember() {
    const state = new URLSearchParams();
    tables.forEach((view) => {
      if (view.sort) state.set(`${view.id}.sort`, view.sort);
      if (view.filter) state.set(`${view.id}.filter`, view.filter);
      if (view.hide.size) state.set(`${view.id}.hide`, [...view.hide].join(","));
    });
    const text = state.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  // A plain anchor (no "=") is left to the browser.
  function recall() {
    if (location.hash && !location.hash.includes("=")) return tables.forEach(show);
    const state = new URLSearchParams(location.hash.slice(1));
    tables.forEach((view) => {
      const keys = new Set(view.heads.map((head) => head.dataset.key));
      const sort = state.get(`${view.id}.sort`) || "";
      view.sort = keys.has(sort.replace(/^-/, "")) ? sort : "";
      view.filter = state.get(`${view.id}.filter`) || "";
      view.hide = new Set((state.get(`${view.id}.hide`) || "").split(",").filter((key) => keys.has(key) && key !== "entry"));
      show(view);
    });
  }

  window.addEventListener("hashchange", recall);
  recall();
})();
