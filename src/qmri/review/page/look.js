// The images: NiiVue with three panes, the outlines drawn over them, names beside the bodies.

const SAGITTAL = 2, NAME_AHEAD_MM = 24, TINT = 0.12, UNTINTED = 0.004, HIGHEST_ID = 28;

async function image(bytes, layer) {
  const file = new File([bytes], layer.key + ".nii");
  const volume = await niivue.NVImage.loadFromFile({
    file, name: file.name, colormap: layer.colours, cal_min: layer.low, cal_max: layer.high,
  });
  volume.colorbarVisible = layer.unit !== "";
  return volume;
}

// NiiVue is large, and is fetched when the first picture is on the screen.
let loaded;
function library() {
  return loaded ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    Object.assign(script, { src: "niivue.js", onload: resolve, onerror: () => reject(new Error("niivue.js is missing")) });
    document.head.append(script);
  });
}

function lookup(colours) {
  const lut = { R: [], G: [], B: [], A: [], I: [], labels: [] };
  const byId = new Map(colours.map((one) => [one.id, one]));
  for (let id = 0; id <= HIGHEST_ID; id++) {
    const [r, g, b] = byId.get(id)?.colour ?? [255, 255, 255];
    lut.R.push(r); lut.G.push(g); lut.B.push(b); lut.A.push(id ? 255 : 0); lut.I.push(id);
    lut.labels.push(byId.get(id)?.level ?? "");
  }
  return lut;
}

export class Look {
  constructor(canvas, names) {
    this.canvas = canvas;
    this.names = names;
    this.bodies = [];
    this.layers = new Map();
    this.shown = "";
    this.outlined = true;
    this.onMove = () => {};
  }

  // ``levels`` has id, name and colour of each level that there is.
  async start(levels) {
    await library();
    const { Niivue, SHOW_RENDER, MULTIPLANAR_TYPE, DRAG_MODE } = niivue;
    this.viewer = new Niivue({
      backColor: [0.07, 0.07, 0.07, 1], show3Dcrosshair: false, crosshairWidth: 0.3, isColorbar: true,
      crosshairColor: [1, 0.8, 0.2, 0.7], isRadiologicalConvention: true, sagittalNoseLeft: true,
      isNearestInterpolation: true, multiplanarPadPixels: 6, multiplanarShowRender: SHOW_RENDER.NEVER,
      fontColor: [1, 1, 1, 1], dragMode: DRAG_MODE.windowing, drawingEnabled: false, penValue: 0,
      viewModeHotKey: "", clipPlaneHotKey: "", cycleClipPlaneHotKey: "", // the page has keys of its own
      onLocationChange: () => { this.placeNames(); this.onMove(); },
    });
    await this.viewer.attachToCanvas(this.canvas);
    this.viewer.setMultiplanarLayout(MULTIPLANAR_TYPE.ROW);
    this.viewer.setSliceType(this.viewer.sliceTypeMultiplanar);
    this.levels = levels;
    this.setBodies([]);
    new ResizeObserver(() => requestAnimationFrame(() => this.placeNames())).observe(this.canvas);
  }

  // Show an examination: its first map, then its labels.
  async open(layer, bytes, labels, bodies) {
    const first = await image(bytes, layer);
    this.close();
    this.layers.set(layer.key, first);
    this.shown = layer.key;
    this.viewer.addVolume(first);
    this.viewer.createEmptyDrawing();
    this.setBodies(bodies);
    this.setLabels(labels);
    this.outlines(this.outlined);
  }

  close() {
    this.viewer.volumes = [];
    this.layers.clear();
    this.bodies = [];
    this.names.replaceChildren();
  }

  setLabels(labels) {
    this.labels = new Uint8Array(labels);
    this.viewer.drawBitmap.set(this.labels);
    this.viewer.refreshDrawing(true);
    this.placeNames();
  }

  // Names beside the bodies, and a colour for each id of the labels: that of the level, unless others are given.
  setBodies(bodies, colours = this.levels) {
    this.bodies = bodies;
    if (colours !== this.coloured) this.viewer.setDrawColormap(lookup(colours));
    this.coloured = colours;
    this.placeNames();
  }

  has(key) { return this.layers.has(key); }

  // Further maps are kept ready; the viewer holds the one that is shown, which makes it quick.
  async add(layer, bytes) {
    const volume = await image(bytes, layer);
    if (!this.layers.has(layer.key)) this.layers.set(layer.key, volume);
  }

  show({ key }) {
    this.shown = key;
    this.viewer.volumes = [];
    this.viewer.addVolume(this.layers.get(key));
    this.outlines(this.outlined);
  }

  resetContrast(layer) {
    const volume = this.layers.get(layer.key);
    Object.assign(volume, { cal_min: layer.low, cal_max: layer.high });
    this.viewer.updateGLVolume();
  }

  // Bodies are tinted on the anatomy alone: on a map the colours are values. NiiVue draws no outline at opacity 0.
  outlines(visible) {
    this.outlined = visible;
    this.viewer.drawRimOpacity = visible ? 1 : 0;
    this.viewer.setDrawOpacity(!visible ? 0 : this.shown === "anatomy" ? TINT : UNTINTED);
    this.names.hidden = !visible;
  }

  get crosshair() { return Array.from(this.viewer.frac2mm(this.viewer.scene.crosshairPos)).slice(0, 3); }

  goTo(mm) {
    this.viewer.scene.crosshairPos = this.viewer.mm2frac(mm);
    this.viewer.createOnLocationChange();
    this.viewer.drawScene();
  }

  step(x, y, z) { this.viewer.moveCrosshairInVox(x, y, z); }

  // The voxel under a mouse event; null outside the images.
  under(event) {
    const box = this.canvas.getBoundingClientRect(), dpr = this.viewer.uiData.dpr || 1;
    const frac = this.viewer.canvasPos2frac([(event.clientX - box.left) * dpr, (event.clientY - box.top) * dpr]);
    if (!frac || frac[0] < 0 || !this.viewer.volumes.length) return null;
    const voxel = Array.from(this.viewer.frac2vox(frac)), [nx, ny] = this.viewer.back.dims.slice(1);
    return { index: voxel[0] + nx * (voxel[1] + ny * voxel[2]), voxel, mm: Array.from(this.viewer.frac2mm(frac)).slice(0, 3) };
  }

  value(key, voxel) {
    const volume = this.layers.get(key);
    return volume ? volume.getValue(...voxel) : NaN;
  }

  // From RAS+ mm to where that is shown in the sagittal pane, in pixels of the canvas; null without a pane.
  get sagittal() {
    const tile = (this.viewer.screenSlices ?? []).find((slice) => slice.axCorSag === SAGITTAL);
    if (!tile || !this.viewer.volumes.length) return null;
    const dpr = this.viewer.uiData.dpr || 1, [left, top, width, height] = tile.leftTopWidthHeight;
    const corners = [[0.3, 0.3], [0.7, 0.3], [0.3, 0.7]].map(([x, y]) => [left + x * width, top + y * height]);
    const [f0, f1, f2] = corners.map((corner) => this.viewer.canvasPos2frac(corner));
    if ([f0, f1, f2].some((f) => !f || f[0] < 0)) return null;
    const a = f1[1] - f0[1], b = f2[1] - f0[1], c = f1[2] - f0[2], d = f2[2] - f0[2], det = a * d - b * c;
    if (!det) return null;
    return (mm) => {
      const f = this.viewer.mm2frac(mm);
      const u = (d * (f[1] - f0[1]) - b * (f[2] - f0[2])) / det, v = (a * (f[2] - f0[2]) - c * (f[1] - f0[1])) / det;
      const [x0, y0] = corners[0];
      return [(x0 + u * (corners[1][0] - x0)) / dpr, (y0 + v * (corners[2][1] - y0)) / dpr];
    };
  }

  // Where on the page a point is shown in the sagittal pane.
  placeOf(mm) {
    const box = this.canvas.getBoundingClientRect(), [x, y] = this.sagittal(mm);
    return [box.left + x, box.top + y];
  }

  // Put the name of each body ahead of it in the sagittal pane.
  placeNames() {
    const place = this.sagittal;
    if (!place) return;
    this.names.replaceChildren(...this.bodies.map((body) => {
      const [x, y, z] = body.centre, [left, top] = place([x, y + NAME_AHEAD_MM, z]);
      const name = document.createElement("span");
      name.textContent = body.level;
      name.classList.toggle("flagged", body.flags.length > 0);
      name.style.color = `rgb(${body.colour.join(",")})`;
      name.style.left = Math.max(24, left) + "px";
      name.style.top = top + "px";
      return name;
    }));
  }
}

// Two panes on one grid that show the same place: where one goes, the other follows, unless it is held.
export class Linked {
  constructor(one, other) {
    this.held = false;
    one.onMove = () => this.follow(one, other);
    other.onMove = () => this.follow(other, one);
  }

  follow(moved, other) {
    if (this.held || !moved.viewer.volumes.length || !other.viewer.volumes.length) return;
    this.held = true;
    try { other.goTo(moved.crosshair); } finally { this.held = false; }
  }
}
