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

  const drawn = [];

  const draw = async (place) => {
    const json = document.querySelector(`script[data-figure="${place.dataset.draw}"]`);
    const figure = JSON.parse(json.textContent);
    put(figure.layout, dressing(figure.layout));
    if (place.clientWidth < 520) shorten(figure);
    await Plotly.newPlot(place, figure.data, figure.layout, settings);
    place.style.minHeight = "";
    drawn.push([place, figure.layout]);
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
    document.documentElement.dataset.drawn = String(drawn.length);
  };

  const openTarget = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) {
      target.open = true;
      target.scrollIntoView();
    }
  };

  const toggle = (event) => {
    const key = event.target.closest("button[data-trace]");
    if (!key) return;
    const shown = key.getAttribute("aria-pressed") !== "true";
    key.setAttribute("aria-pressed", String(shown));
    Plotly.restyle(key.dataset.of, { visible: shown }, [Number(key.dataset.trace)]);
  };

  addEventListener("click", toggle);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redress);
  matchMedia("print").addEventListener("change", redress);
  addEventListener("hashchange", openTarget);
  setTimeout(() => { drawAll().then(openTarget); });
})();
