// The vendor's map beside ours: a second pane with the same outlines at the same place.

import { Linked, Look } from "./look.js";

export class Beside {
  constructor(look, pane) {
    this.look = look;
    this.pane = pane;
    this.other = null;
  }

  get open() { return !this.pane.hidden; }

  // ``layer`` is the vendor's map, ``bytes`` its file.
  async show(layer, bytes) {
    this.pane.hidden = false;
    if (!this.other) {
      this.other = new Look(this.pane.querySelector("canvas"), this.pane.querySelector(".names"));
      await this.other.start(this.look.levels);
      this.linked = new Linked(this.look, this.other);
    }
    this.linked.held = true;
    await this.other.open(layer, bytes, this.look.labels, this.look.bodies);
    this.linked.held = false;
    this.pane.querySelector("h2").textContent = layer.title;
    this.other.goTo(this.look.crosshair);
  }

  refresh() {
    if (!this.open) return;
    this.other.setBodies(this.look.bodies);
    this.other.setLabels(this.look.labels);
  }

  close() {
    this.pane.hidden = true;
    this.other?.close();
  }
}
