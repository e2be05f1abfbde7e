/** Small bar charts of counts per hour, with a text alternative. */

/** @param hours counts, oldest first. @param since start of the first hour. */
export function bars(hours, since, { height, label }) {
  const most = Math.max(1, ...hours);
  const chart = svg("svg", {
    viewBox: `0 0 ${hours.length * WIDTH} ${height}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": `${label}: ${describe(hours)}`,
    class: "bars",
  });
  for (const [index, count] of hours.entries()) {
    const size = count === 0 ? 0 : Math.max(1, (count / most) * height);
    const bar = svg("rect", {
      x: index * WIDTH,
      y: height - size,
      width: WIDTH - 1,
      height: size,
    });
    const title = svg("title", {});
    const begin = new Date(new Date(since).getTime() + index * 3_600_000);
    title.textContent = `${begin.toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" })}: ${count}`;
    bar.append(title);
    chart.append(bar);
  }
  return chart;
}

function describe(hours) {
  const last = hours.at(-1);
  const sum = hours.reduce((total, count) => total + count, 0);
  return `${sum} in ${hours.length} hours, ${last} in the current hour, maximum ${Math.max(...hours)}`;
}

function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

const WIDTH = 4;
