// Runs inside a page under test, before anything else in it: tells the test what there is to see.
window.mishaps = [];
addEventListener("error", (event) =>
  mishaps.push(String(event.message || event.target.src || event.target.href)), true);

addEventListener("load", () => {
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const numbers = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const behind = (element) => {
    for (let place = element; place; place = place.parentElement) {
      const colour = numbers(getComputedStyle(place).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const contrast = (element) => {
    const style = getComputedStyle(element);
    const own = numbers(element.ownerSVGElement ? style.fill : style.color).slice(0, 3);
    const [low, high] = [luminance(own), luminance(behind(element))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const says = (element) => [...element.childNodes]
    .some((node) => node.nodeType === 3 && node.data.trim());
  const seen = [...document.body.querySelectorAll("*")]
    .filter((element) => says(element) && !["SCRIPT", "title"].includes(element.tagName));
  const faint = seen.filter((element) => contrast(element) < 4.5)
    .map((element) => `${contrast(element).toFixed(2)} ${element.textContent.slice(0, 40)}`);
  const touching = [], outside = [];
  for (const svg of document.querySelectorAll("svg[role=img]")) {
    const card = svg.closest(".card").getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")]
      .map((one) => [one, one.getBoundingClientRect()]);
    for (const [one, box] of texts)
      if (box.left < card.left || box.right > card.right || box.bottom > card.bottom)
        outside.push(one.textContent);
    texts.forEach(([one, a], index) => texts.slice(index + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 4) touching.push(`${one.textContent} | ${other.textContent}`);
    }));
  }
  const seenPage = {
    mishaps, faint, touching, outside,
    fetched: performance.getEntriesByType("resource").map((entry) => entry.name),
    headings: [...document.querySelectorAll("h2")].map((one) => one.textContent),
    titles: [...document.querySelectorAll("h3")].map((one) => one.textContent),
    pictures: [...document.querySelectorAll("svg[role=img]")].map((svg) => ({
      name: svg.getAttribute("aria-label"),
      bars: svg.querySelectorAll("rect.solid").length,
      height: svg.getBoundingClientRect().height,
    })),
    rows: document.querySelectorAll("tbody tr").length,
    best: document.querySelectorAll("tr.best, td.top").length,
    badges: document.querySelectorAll(".badge").length,
    wide: document.documentElement.scrollWidth > innerWidth,
  };
  const told = document.createElement("pre");
  told.id = "seen";
  told.textContent = JSON.stringify(seenPage);
  document.body.append(told);
});
