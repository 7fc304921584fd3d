// The vendor's map beside ours: a second pane with the same outlines at the same place.

import { Look } from "./look.js";

export class Beside {
  constructor(look, pane) {
    this.look = look;
    this.pane = pane;
    this.other = null;
    this.following = false;
  }

  get open() { return !this.pane.hidden; }

  // ``layer`` is the vendor's map, ``bytes`` its file.
  async show(layer, bytes) {
    this.pane.hidden = false;
    if (!this.other) {
      this.other = new Look(this.pane.querySelector("canvas"), this.pane.querySelector(".names"));
      await this.other.start(this.look.levels);
      this.other.onMove = () => this.follow(this.other, this.look);
      this.look.onMove = () => this.open && this.follow(this.look, this.other);
    }
    this.following = true;
    await this.other.open(layer, bytes, this.look.labels, this.look.bodies);
    this.following = false;
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

  follow(moved, other) {
    if (this.following || !moved.viewer.volumes.length || !other.viewer.volumes.length) return;
    this.following = true;
    try { other.goTo(moved.crosshair); } finally { this.following = false; }
  }
}
