// Brush and eraser: NiiVue draws the stroke, and what it changed goes to the server when the button is released.

// Runs [first, count] of the voxels that a stroke has given to a level or taken from it. Voxels of other levels
// are left to them, unless the reader paints over them.
export function strokeRuns(before, after, level, { erase, over }) {
  const runs = [];
  let first = -1;
  for (let i = 0; i <= after.length; i++) {
    const changed = i < after.length && after[i] !== before[i] &&
      (erase ? before[i] === level : after[i] === level && (before[i] === 0 || over));
    if (changed && first < 0) first = i;
    if (!changed && first >= 0) { runs.push([first, i - first]); first = -1; }
  }
  return runs;
}

export class Brush {
  constructor(look, onStroke) {
    this.look = look;
    this.mode = "";
    this.size = 3;
    this.over = false;
    look.canvas.addEventListener("mousedown", (event) => {
      if (this.mode && event.button === 0) this.stroke ??= new Promise((resolve) => { this.lift = resolve; });
    }, true);
    // After NiiVue has drawn the end of the stroke.
    window.addEventListener("mouseup", () => this.mode && setTimeout(() => this.finish(onStroke)));
  }

  // Resolves when no stroke is in hand.
  async rest() { await this.stroke; }

  end() {
    this.lift?.();
    this.stroke = undefined;
  }

  use(mode, level) {
    if (!mode) this.end();
    this.mode = mode;
    this.level = level;
    const viewer = this.look.viewer;
    viewer.opts.penSize = this.size;
    viewer.setDrawingEnabled(Boolean(mode));
    if (mode) viewer.setPenValue(mode === "erase" ? 0 : level, false);
  }

  resize(by) {
    this.size = Math.min(15, Math.max(1, this.size + by));
    this.look.viewer.opts.penSize = this.size;
  }

  finish(onStroke) {
    const erase = this.mode === "erase";
    const runs = strokeRuns(this.look.labels, this.look.viewer.drawBitmap, this.level, { erase, over: this.over });
    this.look.setLabels(this.look.labels); // as they were: the server says what they are now
    if (runs.length) onStroke({ runs, erase, over: this.over });
    this.end();
  }
}
