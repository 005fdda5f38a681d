"use strict";
(() => {
  const settings = { responsive: true, displayModeBar: false };

  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // The page owns ink and grid, so that one set of figures serves light, dark and paper.
  const dressing = (layout) => {
    const worn = {
      "font.color": colour("--ink"),
      "hoverlabel.bgcolor": colour("--raised"),
      "hoverlabel.bordercolor": colour("--line"),
      "hoverlabel.font.color": colour("--ink"),
    };
    for (const axis of Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))) {
      worn[`${axis}.gridcolor`] = colour("--grid");
      worn[`${axis}.linecolor`] = colour("--line");
      worn[`${axis}.tickcolor`] = colour("--line");
    }
    return worn;
  };

  // The same as `Plotly.relayout` would do, before the first drawing instead of after it.
  const put = (layout, paths) => {
    for (const [path, value] of Object.entries(paths)) {
      const names = path.split(".");
      const last = names.pop();
      let place = layout;
      for (const name of names) place = place[name] ??= {};
      place[last] = value;
    }
  };

  // Problem names take half of a phone's width; their numbers come first and are enough.
  const shorten = (figure) => {
    const names = figure.data
      .flatMap((trace) => (Array.isArray(trace.y) ? trace.y : []))
      .filter((name) => typeof name === "string" && name.length > 16);
    figure.layout.yaxis.labelalias = Object.fromEntries(
      names.map((name) => [name, `${name.slice(0, 13).trimEnd()}…`]),
    );
  };

  const drawn = new Map();

  const held = (name) =>
    JSON.parse(document.querySelector(`script[data-figure="${name}"]`).textContent);

  // A click on a mark leads to what is behind it: by its label, or by the name of its line.
  const lead = (place) => (event) => {
    const point = event.points[0];
    const targets = place.layout.meta?.targets ?? {};
    const labels = [point.y, point.customdata?.[0], point.data.name];
    const found = labels.map((label) => targets[label]).find(Boolean);
    if (found) go(found);
  };

  const draw = async (place, name = place.dataset.draw) => {
    const figure = held(name);
    put(figure.layout, dressing(figure.layout));
    if (place.clientWidth < 520) shorten(figure);
    const first = !drawn.has(place);
    await (first ? Plotly.newPlot : Plotly.react)(place, figure.data, figure.layout, settings);
    place.style.minHeight = "";
    drawn.set(place, figure.layout);
    if (figure.layout.meta) place.classList.add("leads");
    if (first) place.on("plotly_click", lead(place));
  };

  const redress = () => {
    for (const [place, layout] of drawn) Plotly.relayout(place, dressing(layout));
  };

  // One figure a frame keeps the page answering while the others are drawn.
  const drawAll = async () => {
    for (const place of document.querySelectorAll("[data-draw]")) {
      await draw(place);
      await new Promise((resolve) => setTimeout(resolve));
    }
    document.documentElement.dataset.drawn = String(drawn.size);
  };

  const go = (anchor) => {
    if (location.hash === `#${anchor}`) openTarget();
    else location.hash = anchor;
  };

  // Sections and problems are shown from their heading on. A draw that has no card of its own is
  // looked for in the list of its problem, which is put on the page for it.
  const openTarget = () => {
    const anchor = decodeURIComponent(location.hash.slice(1));
    let target = document.getElementById(anchor) ?? listed(anchor);
    const shelf = target?.closest("details");
    if (shelf) shelf.open = true;
    const headed = target?.matches("section, .shelf");
    target?.scrollIntoView({ block: headed ? "start" : "center" });
  };

  const listed = (anchor) => {
    const shelf = [...document.querySelectorAll(".shelf")].find((one) =>
      anchor.startsWith(`${one.id}-`));
    if (!shelf) return null;
    browse(shelf);
    const row = [...shelf.querySelectorAll("[data-row]")].find((one) => one.dataset.address === anchor);
    if (row && !opened(row)) row.click();
    return row ?? null;
  };

  const opened = (row) => Boolean(row.nextSibling && !row.nextSibling.dataset.row);

  // As the page names the cards of its candidates.
  const address = (shelf, row) =>
    `${shelf.id}-${String(row[0]).replace(/[^\p{L}\p{N}]/gu, "-")}-${row[1]}`;

  const pressed = (button, others) => {
    for (const other of others) other.setAttribute("aria-pressed", String(other === button));
  };

  const toggle = (key) => {
    const shown = key.getAttribute("aria-pressed") !== "true";
    key.setAttribute("aria-pressed", String(shown));
    Plotly.restyle(key.dataset.of, { visible: shown }, [Number(key.dataset.trace)]);
  };

  // Another view of the same figure keeps the lines that the reader has switched off.
  const show = async (button) => {
    const place = document.getElementById(button.dataset.of);
    pressed(button, button.parentElement.children);
    await draw(place, button.dataset.view);
    for (const key of place.parentElement.querySelectorAll('[data-trace][aria-pressed="false"]'))
      Plotly.restyle(place, { visible: false }, [Number(key.dataset.trace)]);
  };

  const download = (name, link) => {
    const anchor = document.createElement("a");
    anchor.download = name;
    anchor.href = link;
    anchor.click();
  };

  const quoted = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  // What an axis shows, with its unit.
  const titled = (axis, otherwise) =>
    (axis?.title?.text ?? "").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim() || otherwise;

  // A mark's label is cut to fit; the problem's heading has the whole name.
  const whole = (place, label) => {
    const anchor = place.layout.meta?.targets?.[label];
    const heading = anchor && document.getElementById(anchor)?.querySelector("summary strong");
    return heading?.textContent ?? label;
  };

  // The run's own numbers: named traces only (the others are bands, whose ends stand beside the
  // points), and none of the published ones.
  const table = (place) => {
    const { xaxis, yaxis } = place.layout;
    const rows = [["series", titled(xaxis, "label"), titled(yaxis, "label"), "low", "high"]];
    const own = place.data.filter((trace) => !trace.name?.startsWith("paper"));
    for (const trace of own.filter((one) => one.name || own.length === 1))
      [...trace.x].forEach((x, i) => {
        const along = trace.error_x?.array ? "error_x" : null;
        const middle = along ? trace.x[i] : null;
        const ends = along
          ? [middle - trace[along].arrayminus[i], middle + trace[along].array[i]]
          : place.dataset.draw.match(/curves|scaling|spent|price/) ? trace.customdata?.[i] ?? [] : [];
        rows.push([trace.name ?? "", whole(place, x), whole(place, trace.y[i]), ends[0], ends[1]]);
      });
    return rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";
  };

  const save = async (button) => {
    const place = document.getElementById(button.dataset.of);
    const name = `${place.dataset.draw}.${button.dataset.save}`;
    if (button.dataset.save === "csv") {
      const link = URL.createObjectURL(new Blob([table(place)], { type: "text/csv" }));
      download(name, link);
      setTimeout(() => URL.revokeObjectURL(link), 1000);
      return;
    }
    const { data, layout } = place;
    const figure = {
      data,
      layout: { ...layout, paper_bgcolor: colour("--ground"), showlegend: true },
    };
    const size = { width: Math.max(place.clientWidth, 700), height: place.clientHeight + 40 };
    download(name, await Plotly.toImage(figure, { format: "png", scale: 2, ...size }));
  };

  // The draws of a problem are put on the page where a reader opens it.
  let store;
  const element = (name, text = "", attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  // One draw's code beside the reference, as wide as the frame and not as the table.
  const code = (row, shelf, frame) => {
    const made = element("tr");
    const inside = element("td", "", { colspan: "8" });
    const room = element("div", "", { class: "beside" });
    room.style.width = `${frame.clientWidth - 16}px`;
    const [run, sample, , , , , , , remark, at] = row;
    const shown = at === null ? "(not carried by this page)" : store.sources[at];
    const left = element("div");
    if (remark) left.append(element("p", remark, { class: "remark" }));
    left.append(element("pre", shown, { class: "code" }));
    const again = `bon show ${run} ${shelf.dataset.problem} ${sample} --lake ${store.lake}`;
    left.append(element("p", again, { class: "command" }));
    room.append(left, shelf.querySelector(".reference pre").cloneNode(true));
    inside.append(room);
    made.append(inside);
    return made;
  };

  const browse = (shelf) => {
    const section = shelf.querySelector("[data-browse]");
    if (!section || section.dataset.filled) return;
    section.dataset.filled = "yes";
    store ??= JSON.parse(document.getElementById("draws").textContent);
    const from = store.several ? 0 : 1;  // a single run needs no column
    const rows = [...(store.problems[section.dataset.browse] ?? [])];
    const wide = element("div", "", { class: "wide", tabindex: "0" });
    const grid = element("table");
    const head = element("tr");
    const body = element("tbody");
    const search = element("input", "", { type: "search", placeholder: "Search code, errors, numbers" });
    const verdict = element("select", "", { "aria-label": "Verdict" });
    verdict.append(element("option", "every verdict", { value: "" }));
    for (const one of [...new Set(rows.map((row) => row[2]))].sort())
      verdict.append(element("option", one, { value: one }));
    const found = element("span");
    const text = (row) =>
      [...row.slice(0, 9), row[9] === null ? "" : store.sources[row[9]]].join("\n").toLowerCase();
    const wanted = (row) =>
      (!verdict.value || row[2] === verdict.value) &&
      (!search.value || text(row).includes(search.value.toLowerCase()));
    const fill = () => {
      const shown = rows.filter(wanted);
      found.textContent = shown.length === rows.length ? "" : `${shown.length} of ${rows.length}`;
      body.replaceChildren(
        ...shown.map((row, i) => {
          const place = { "data-row": String(i), "data-address": address(shelf, row) };
          const line = element("tr", "", { ...place, tabindex: "0" });
          line.append(...row.slice(0, 8).map((value, c) =>
            element("td", value ?? "–", c > 2 || c === 1 ? { class: "n" } : {})).slice(from));
          const open = () => {
            if (opened(line)) line.nextSibling.remove();
            else {
              line.after(code(row, shelf, wide));
              history.replaceState(null, "", `#${line.dataset.address}`);
            }
          };
          line.addEventListener("click", open);
          line.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
          return line;
        }),
      );
    };
    store.columns.forEach((title, c) => {
      if (c < from) return;
      const cell = element("th", "", c > 2 || c === 1 ? { class: "n", scope: "col" } : { scope: "col" });
      const sort = element("button", title, { type: "button", title: `Sort by ${title}` });
      let up = c < 3;
      sort.addEventListener("click", () => {
        const sign = up ? 1 : -1;
        up = !up;
        rows.sort((a, b) =>
          a[c] === b[c] ? 0 : a[c] === null || a[c] === "" ? 1 : b[c] === null || b[c] === "" ? -1
            : a[c] < b[c] ? -sign : sign);
        fill();
      });
      cell.append(sort);
      head.append(cell);
    });
    const top = element("thead");
    top.append(head);
    grid.append(top, body);
    wide.append(grid);
    for (const field of [search, verdict]) field.addEventListener("input", fill);
    const tools = element("p", "", { class: "find" });
    tools.append(search, verdict, found);
    const how = "A line opens its code, and the page's address is the draw's then; a column's title sorts.";
    section.append(element("p", how, { class: "caption" }), tools, wide);
    fill();
  };

  addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.trace) toggle(button);
    else if (button?.dataset.view) show(button);
    else if (button?.dataset.save) save(button);
    const to = event.target.closest('a[href^="#"]');
    if (to && to.getAttribute("href") === location.hash) openTarget();
  });
  for (const shelf of document.querySelectorAll(".shelf"))
    shelf.addEventListener("toggle", () => { if (shelf.open) browse(shelf); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redress);
  matchMedia("print").addEventListener("change", redress);
  addEventListener("hashchange", openTarget);
  setTimeout(() => { drawAll().then(openTarget); });
})();
