/** A uPlot line chart of the last ten minutes, with the latest figures as text alternative. */
import uPlot from "/ui/charts/uPlot.esm.js";
import { element } from "/ui/dom.js";

export class LineChart {
  #plot;
  #title;
  #lines;
  #format;
  #data;
  #figure;
  #latest;

  /**
   * @param place parent element.
   * @param lines names of the lines.
   * @param format turns a value into text.
   */
  constructor(place, title, lines, format) {
    this.#title = title;
    this.#lines = lines;
    this.#format = format;
    this.#data = [[], ...lines.map(() => [])];
    this.#figure = element("div", { role: "img", class: "lines" });
    this.#latest = element("span", { class: "latest" });
    const caption = element("figcaption", {}, [`${title} `, this.#latest]);
    place.append(element("figure", {}, [caption, this.#figure]));
    this.#draw();
    new ResizeObserver(() => this.#fit()).observe(this.#figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** @param at seconds since the epoch. @param values one per line, null if unknown. */
  add(at, values) {
    for (const [index, value] of [at, ...values].entries()) this.#data[index].push(value);
    const isOld = (time) => time < at - SECONDS;
    while (isOld(this.#data[0][0])) for (const column of this.#data) column.shift();
    this.#plot.setData(this.#data);
    const said = this.#lines.map((name, index) => `${name} ${this.#say(values[index])}`);
    this.#latest.textContent = values.map((value) => this.#say(value)).join(" · ");
    this.#figure.setAttribute("aria-label", `${this.#title}: ${said.join(", ")}`);
  }

  #say(value) {
    return value === null || value === undefined ? "–" : this.#format(value);
  }

  #draw() {
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--quiet"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    const strokes = ["--accent", "--good", "--alarm", "--quiet"].map(colour);
    this.#plot = new uPlot(
      {
        width: this.#width(),
        height: HEIGHT,
        cursor: { show: false },
        legend: { live: false },
        scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
        axes: [
          axis,
          { ...axis, size: 64, values: (_plot, values) => values.map((value) => this.#say(value)) },
        ],
        series: [
          {},
          ...this.#lines.map((label, index) => ({
            label,
            stroke: strokes[index],
            width: 1.5,
            points: { show: false },
          })),
        ],
      },
      this.#data,
      this.#figure,
    );
  }

  #fit() {
    this.#plot.setSize({ width: this.#width(), height: HEIGHT });
  }

  #width() {
    return Math.max(200, this.#figure.clientWidth);
  }
}

const SECONDS = 600;
const HEIGHT = 160;
