// What pages do more with JavaScript: a drawing that moves, lists that filter as one types, keys. Without it all of
// them are complete. No library, and nothing that the content security policy has to make room for.

const isTyping = (target) => target.closest?.("input, select, textarea, [contenteditable]") !== null;

function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// -- the drawing of a lineage ------------------------------------------------------------------

const MOST_ZOOM = 3;
const KEPT = "landfast.graph";

class Graph {
  constructor(frame) {
    this.frame = frame;
    this.svg = frame.querySelector("svg");
    this.whole = { width: Number(this.svg.getAttribute("width")), height: Number(this.svg.getAttribute("height")) };
    this.pointers = new Map();
    frame.classList.add("live");
    this.svg.setAttribute("width", "100%");
    frame.append(this.tools());
    this.listen();
    this.begin();
    new ResizeObserver(() => this.show()).observe(frame);
  }

  // The view: the point of the drawing in the middle of the frame, and pixels of the frame for one of its units.
  begin() {
    const kept = this.kept();
    const root = this.middle(this.svg.querySelector("#root rect"));
    if (kept) {
      [this.zoom, this.x, this.y] = [kept.zoom, root.x + kept.dx, root.y + kept.dy];
    } else if (this.fitting() >= 0.7) {
      this.fit();
    } else {
      [this.zoom, this.x, this.y] = [0.85, root.x, root.y];
    }
    this.show();
    addEventListener("pagehide", () => {
      const view = { path: location.pathname, zoom: this.zoom, dx: this.x - root.x, dy: this.y - root.y };
      try { sessionStorage.setItem(KEPT, JSON.stringify(view)); } catch { /* then the next page begins anew */ }
    });
  }

  // Where one was before a click drew more of the same lineage.
  kept() {
    try {
      const view = JSON.parse(sessionStorage.getItem(KEPT));
      return view?.path === location.pathname && /[?&](expand|selected)=/.test(location.search) ? view : null;
    } catch {
      return null;
    }
  }

  middle(element) {
    const box = element.getBBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  }

  fitting() {
    return Math.min(1, this.frame.clientWidth / this.whole.width, this.frame.clientHeight / this.whole.height);
  }

  fit() {
    [this.zoom, this.x, this.y] = [this.fitting(), this.whole.width / 2, this.whole.height / 2];
    this.show();
  }

  show() {
    const clamp = (value, most) => Math.min(Math.max(value, 0), most);
    this.zoom = Math.min(Math.max(this.zoom, Math.min(0.08, this.fitting())), MOST_ZOOM);
    [this.x, this.y] = [clamp(this.x, this.whole.width), clamp(this.y, this.whole.height)];
    const [width, height] = [this.frame.clientWidth / this.zoom, this.frame.clientHeight / this.zoom];
    this.svg.setAttribute("viewBox", `${this.x - width / 2} ${this.y - height / 2} ${width} ${height}`);
  }

  move(dx, dy) {
    this.x -= dx / this.zoom;
    this.y -= dy / this.zoom;
    this.show();
  }

  // Zoom so that what is at a place of the frame, in pixels from its middle, stays there.
  scale(factor, dx = 0, dy = 0) {
    const before = this.zoom;
    this.zoom = Math.min(Math.max(before * factor, 0.08), MOST_ZOOM);
    this.x += dx / before - dx / this.zoom;
    this.y += dy / before - dy / this.zoom;
    this.show();
  }

  tools() {
    const button = (sign, name, act) => {
      const made = make("button", { type: "button", title: name, "aria-label": name }, sign);
      made.addEventListener("click", act);
      return made;
    };
    return make("div", { class: "tools" },
      button("+", "Larger", () => this.scale(1.25)), button("−", "Smaller", () => this.scale(0.8)),
      button("⤢", "All of it", () => this.fit()));
  }

  listen() {
    const frame = this.frame;
    frame.addEventListener("pointerdown", (event) => this.press(event));
    frame.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) {
      frame.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
    // Who drags does not mean to follow the link that the drag began on.
    frame.addEventListener("click", (event) => {
      if (this.dragged && event.detail) event.preventDefault();
    }, true);
    frame.addEventListener("dragstart", (event) => event.preventDefault());
    // A wheel alone goes on scrolling the page.
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = frame.getBoundingClientRect();
      this.scale(Math.exp(-event.deltaY / 300), event.clientX - box.x - box.width / 2, event.clientY - box.y - box.height / 2);
    }, { passive: false });
    frame.addEventListener("keydown", (event) => this.key(event));
    frame.addEventListener("focusin", (event) => this.reveal(event.target));
  }

  press(event) {
    if (event.button !== 0 || event.target.closest(".tools")) return;
    if (this.pointers.size === 0) this.dragged = false;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, startX: event.clientX, startY: event.clientY });
  }

  drag(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    if (event.buttons === 0) return void this.pointers.delete(event.pointerId);
    if (!this.dragged && Math.hypot(event.clientX - pointer.startX, event.clientY - pointer.startY) < 5) return;
    if (!this.dragged) this.frame.setPointerCapture(event.pointerId);
    this.dragged = true;
    const others = [...this.pointers.entries()].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    if (others.length > 0) this.pinch(pointer, others[0], event);
    else this.move(event.clientX - pointer.x, event.clientY - pointer.y);
    Object.assign(pointer, { x: event.clientX, y: event.clientY });
  }

  pinch(pointer, other, event) {
    const apart = (one) => Math.max(Math.hypot(one.x - other.x, one.y - other.y), 1);
    const now = { x: event.clientX, y: event.clientY };
    const box = this.frame.getBoundingClientRect();
    this.move((now.x - pointer.x) / 2, (now.y - pointer.y) / 2);
    this.scale(apart(now) / apart(pointer), (now.x + other.x) / 2 - box.x - box.width / 2, (now.y + other.y) / 2 - box.y - box.height / 2);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 80;
    const act = {
      "+": () => this.scale(1.25), "=": () => this.scale(1.25), "-": () => this.scale(0.8), "0": () => this.fit(),
      ArrowLeft: () => this.move(step, 0), ArrowRight: () => this.move(-step, 0),
      ArrowUp: () => this.move(0, step), ArrowDown: () => this.move(0, -step),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // A node that the keyboard came to is brought into view.
  reveal(target) {
    if (!this.svg.contains(target) || !target.matches(":focus-visible")) return;
    const [box, frame] = [target.getBoundingClientRect(), this.frame.getBoundingClientRect()];
    const isIn = box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
    this.frame.scrollTo(0, 0);
    if (!isIn) {
      ({ x: this.x, y: this.y } = this.middle(target));
      this.show();
    }
  }
}

// -- lists that filter as one types ------------------------------------------------------------

function filtering(input) {
  const list = document.getElementById(input.dataset.filter);
  if (!list) return;
  const said = make("output", { class: "faint", "aria-live": "polite" });
  input.closest("form").append(said);
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    const rows = [...list.querySelectorAll(list.matches("table") ? "tbody tr" : ":scope > *")];
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    const hidden = rows.filter((row) => row.hidden).length;
    said.textContent = hidden ? `${hidden} of ${rows.length} on this page do not fit; Enter asks for all that do` : "";
  });
}

// -- previews: what the browser cannot load says why ---------------------------------------------

for (const media of document.querySelectorAll("[data-fallback]")) {
  const explain = () => {
    const why = document.getElementById(media.dataset.fallback);
    if (why) {
      media.hidden = true;
      why.open = true;
    }
  };
  media.addEventListener("error", explain);
  // It may have failed before this module ran.
  if (media.error || (media.complete && media.naturalWidth === 0)) explain();
}

// -- keys --------------------------------------------------------------------------------------

const KEYS = [
  ["/", "search artifacts"], ["j, k", "next or previous in a list"], ["?", "show these keys"], ["Esc", "close, or leave a field"],
  ["+, −, 0", "in a drawing: larger, smaller, all of it"], ["← ↑ ↓ →", "in a drawing: move"], ["Ctrl and wheel", "in a drawing: zoom"],
];

function showKeys() {
  let dialog = document.querySelector("dialog.keys");
  if (!dialog) {
    const rows = KEYS.flatMap(([key, does]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, does)]);
    const close = make("form", { method: "dialog" }, make("button", {}, "Close"));
    dialog = make("dialog", { class: "keys", "aria-label": "Keys" }, make("h2", {}, "Keys"), make("dl", { class: "facts" }, ...rows), close);
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}

function step(by) {
  const rows = document.querySelectorAll("main table.list tbody tr:not([hidden]), main .grid > li:not([hidden]), main .timeline > li");
  const links = [...rows].map((row) => row.querySelector("a[href]")).filter((link) => link !== null);
  if (links.length === 0) return;
  const here = links.findIndex((link) => link.closest("tr, li")?.contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + by, 0), links.length - 1);
  links[next].focus();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const act = { "/": () => document.getElementById("search").focus(), j: () => step(1), k: () => step(-1), "?": showKeys }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

for (const frame of document.querySelectorAll("[data-graph]")) new Graph(frame);
for (const input of document.querySelectorAll("input[data-filter]")) filtering(input);
