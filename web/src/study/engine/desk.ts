import { cache, Enums, eventTarget, RenderingEngine, utilities, type Types } from '@cornerstonejs/core';
import type { Hanging, PortSpec } from '../model/hanging';
import { normalOf, type Frame, type LoadedSeries } from '../model/frames';
import { distance, dot, scale, sub, add, vec3, type Plane, type Vec3 } from '../model/vec';
import type { Range } from '../model/windows';
import { hottestBehind } from './ray';
import { dropSeries } from './series';
import { fitMip, showMip, showPlane, showStack } from './show';
import { joinTools, leaveTools } from './tools';

/** What a port shows at this moment; a new object each time something changed. */
export interface PortView {
  readonly id: string;
  readonly spec: PortSpec;
  readonly width: number;
  readonly height: number;
  readonly ready: boolean;
  readonly failed: string | null;
  readonly plane: Plane | null;
  readonly up: Vec3 | null;
  readonly right: Vec3 | null;
  readonly frame: Frame | null;
  /** the picture itself has come; a volume without it would show zeros */
  readonly here: boolean;
  /** place of the picture in its series, from 1 */
  readonly image: number;
  readonly images: number;
  readonly range: Range | null;
  readonly inverted: boolean;
  readonly mmPerPixel: number | null;
  readonly project: (point: Vec3) => readonly [number, number];
}

type PlaneViewport = Types.IVolumeViewport;
type StackViewport = Types.IStackViewport;

interface Port {
  readonly spec: PortSpec;
  readonly element: HTMLDivElement;
  readonly listeners: () => void;
  view: PortView;
  ready: boolean;
  failed: string | null;
}

export interface Sources {
  readonly series: (uid: string) => Promise<LoadedSeries>;
  readonly measurable: (uid: string) => boolean;
}

const point3 = (value: readonly number[] | undefined): Vec3 => vec3(value) ?? [0, 0, 0];
let engines = 0;

/** The pictures of one study: ports, their cameras, and what links them. */
export class Desk {
  readonly #engine: RenderingEngine;
  readonly #sources: Sources;
  readonly #ports = new Map<string, Port>();
  readonly #loaded = new Map<string, LoadedSeries>();
  readonly #asked = new Map<string, Promise<LoadedSeries>>();
  readonly #listeners = new Set<() => void>();
  readonly #unlisten: () => void;
  #linked = true;
  #following = false;
  #invertPet: boolean;
  #stopped = false;

  constructor(sources: Sources, invertPet: boolean) {
    engines += 1;
    this.#engine = new RenderingEngine(`desk-${engines}`);
    this.#sources = sources;
    this.#invertPet = invertPet;
    this.#unlisten = paced(onArrivals, () => this.#renderFilling());
  }

  /** Ports whose volume is still being filled are drawn again at a calm pace. */
  #renderFilling(): void {
    if (this.#stopped) return;
    for (const port of this.#ports.values()) {
      if (!port.ready || port.spec.kind === 'stack') continue;
      this.#engine.getViewport(port.spec.id).render();
      this.#touch(port.spec.id);
    }
  }

  get engineId(): string {
    return this.#engine.id;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  view = (id: string): PortView | null => this.#ports.get(id)?.view ?? null;
  loaded = (series: string): LoadedSeries | null => this.#loaded.get(series) ?? null;

  /** Shows a hanging in the given elements; ports that are the same keep their picture. */
  async hang(hanging: Hanging, elements: ReadonlyMap<string, HTMLDivElement>): Promise<void> {
    for (const [id, port] of this.#ports) {
      const next = hanging.ports.find((spec) => spec.id === id);
      if (!next || elements.get(id) !== port.element || JSON.stringify(next) !== JSON.stringify(port.spec)) this.#drop(id);
    }
    const fresh = hanging.ports.filter((spec) => !this.#ports.has(spec.id));
    for (const spec of fresh) {
      const element = elements.get(spec.id);
      if (element) this.#enable(spec, element);
    }
    await Promise.all(fresh.map((spec) => this.#fill(spec)));
  }

  #enable(spec: PortSpec, element: HTMLDivElement): void {
    const type = spec.kind === 'stack' ? Enums.ViewportType.STACK : Enums.ViewportType.ORTHOGRAPHIC;
    const axis = spec.kind === 'plane' ? spec.axis : 'coronal';
    this.#engine.enableElement({
      viewportId: spec.id,
      type,
      element,
      defaultOptions: { background: [0, 0, 0], ...(spec.kind === 'stack' ? {} : { orientation: axis as Enums.OrientationAxis }) },
    });
    // The focus belongs to the port: Cornerstone swallows every key pressed in an element of its own.
    for (const part of [element, ...element.querySelectorAll<HTMLElement>('[tabindex]')]) part.removeAttribute('tabindex');
    const touch = () => this.#touch(spec.id);
    const moved = () => this.#moved(spec.id);
    const { IMAGE_RENDERED, VOI_MODIFIED, CAMERA_MODIFIED, STACK_NEW_IMAGE, COLORMAP_MODIFIED } = Enums.Events;
    const names: readonly (readonly [string, () => void])[] = [
      [IMAGE_RENDERED, touch],
      [VOI_MODIFIED, touch],
      [COLORMAP_MODIFIED, touch],
      [CAMERA_MODIFIED, moved],
      [STACK_NEW_IMAGE, moved],
    ];
    for (const [name, listener] of names) element.addEventListener(name, listener);
    const listeners = () => {
      for (const [name, listener] of names) element.removeEventListener(name, listener);
    };
    this.#ports.set(spec.id, { spec, element, listeners, ready: false, failed: null, view: this.#blank(spec) });
    joinTools(this.#engine.id, spec, this.#sources.measurable(spec.series));
  }

  #blank(spec: PortSpec): PortView {
    return {
      id: spec.id, spec, width: 0, height: 0, ready: false, failed: null, plane: null, up: null, right: null, frame: null,
      here: false, image: 0, images: 0, range: null, inverted: false, mmPerPixel: null, project: () => [0, 0],
    };
  }

  async #fill(spec: PortSpec): Promise<void> {
    const port = this.#ports.get(spec.id);
    if (!port) return;
    try {
      const main = await this.#series(spec.series);
      const over = spec.kind === 'plane' && spec.over ? await this.#series(spec.over) : null;
      if (this.#stopped || this.#ports.get(spec.id) !== port) return;
      this.#touch(spec.id);
      const viewport = this.#engine.getViewport(spec.id);
      if (spec.kind === 'stack') await showStack(viewport as StackViewport, main);
      else if (spec.kind === 'mip') await showMip(viewport as PlaneViewport, main);
      else await showPlane(viewport as PlaneViewport, main, over, across(main, spec));
      if (this.#stopped || this.#ports.get(spec.id) !== port) return;
      port.ready = true;
      this.#applyInvert(port);
      viewport.render();
      this.#alignLinked();
    } catch (error) {
      if (this.#ports.get(spec.id) !== port || this.#stopped) return;
      port.failed = error instanceof Error ? error.message : String(error);
    }
    this.#touch(spec.id);
  }

  async #series(uid: string): Promise<LoadedSeries> {
    const asked = this.#asked.get(uid);
    if (asked) return asked;
    const answer = this.#sources.series(uid).then((loaded) => {
      this.#loaded.set(uid, loaded);
      return loaded;
    });
    this.#asked.set(uid, answer);
    answer.catch(() => this.#asked.delete(uid));
    return answer;
  }

  /** Ports of one axis start from one camera: the same place lies at the same place. */
  #alignLinked(): void {
    const lead = [...this.#ports.values()].find((port) => port.spec.kind === 'plane' && port.ready);
    if (lead) this.#moved(lead.spec.id);
  }

  #drop(id: string): void {
    const port = this.#ports.get(id);
    if (!port) return;
    port.listeners();
    leaveTools(this.#engine.id, id);
    this.#engine.disableElement(id);
    this.#ports.delete(id);
  }

  #touch(id: string): void {
    const port = this.#ports.get(id);
    if (!port || this.#stopped) return;
    port.view = this.#look(port);
    for (const listener of this.#listeners) listener();
  }

  #look(port: Port): PortView {
    const { spec, element } = port;
    const blank = { ...this.#blank(spec), width: element.clientWidth, height: element.clientHeight, failed: port.failed };
    const main = this.#loaded.get(spec.series);
    if (!port.ready || !main) return blank;
    const viewport = this.#engine.getViewport(spec.id) as PlaneViewport | StackViewport;
    const camera = viewport.getCamera();
    const normal = point3(camera.viewPlaneNormal);
    const up = point3(camera.viewUp);
    const focal = point3(camera.focalPoint);
    const right: Vec3 = [up[1] * normal[2] - up[2] * normal[1], up[2] * normal[0] - up[0] * normal[2], up[0] * normal[1] - up[1] * normal[0]];
    const project = (point: Vec3): readonly [number, number] => {
      const [x, y] = viewport.worldToCanvas([point[0], point[1], point[2]]);
      return [x, y];
    };
    const [ax, ay] = project(focal);
    const [bx, by] = project(add(focal, scale(right, 100)));
    const pixels = Math.hypot(bx - ax, by - ay);
    const at = spec.kind === 'stack' ? (viewport as StackViewport).getCurrentImageIdIndex() : nearestFrame(main, focal, normal);
    const frame = main.frames[at] ?? null;
    const known = spec.kind !== 'stack' || (frame?.spacing ?? null) !== null;
    const placed = spec.kind !== 'stack' || frame?.position !== null;
    return {
      ...blank,
      ready: true,
      plane: placed ? { point: spec.kind === 'stack' && frame?.position ? frame.position : focal, normal } : null,
      up: frame?.rowCosine ? up : null,
      right: frame?.rowCosine ? right : null,
      frame,
      here: spec.kind !== 'plane' || frame === null || across(main, spec) || cache.isLoaded(frame.imageId),
      image: at + 1,
      images: main.frames.length,
      range: rangeOf(viewport, spec),
      inverted: invertedOf(viewport, spec),
      mmPerPixel: known && pixels > 0.001 ? 100 / pixels : null,
      project,
    };
  }

  /** A port was moved: ports of the same axis follow its camera, stacks follow its place. */
  #moved(id: string): void {
    const port = this.#ports.get(id);
    if (!port || this.#stopped) return;
    if (this.#linked && !this.#following && port.ready) {
      this.#following = true;
      try {
        this.#follow(port);
      } finally {
        this.#following = false;
      }
    }
    this.#touch(id);
  }

  #follow(lead: Port): void {
    if (lead.spec.kind === 'mip') return;
    const from = this.#engine.getViewport(lead.spec.id);
    const { focalPoint, position, parallelScale, viewPlaneNormal } = from.getCamera();
    const view = this.#look(lead);
    for (const port of this.#ports.values()) {
      if (port === lead || !port.ready || !this.#sameSpace(lead, port)) continue;
      const to = this.#engine.getViewport(port.spec.id);
      if (lead.spec.kind === 'plane' && port.spec.kind === 'plane' && port.spec.axis === lead.spec.axis) {
        to.setCamera({
          ...(focalPoint ? { focalPoint } : {}),
          ...(position ? { position } : {}),
          ...(parallelScale === undefined ? {} : { parallelScale }),
        });
        to.render();
      } else if (port.spec.kind === 'stack' && view.plane && viewPlaneNormal) {
        const loaded = this.#loaded.get(port.spec.series);
        const at = loaded ? nearestPlaced(loaded, view.plane.point, point3(viewPlaneNormal)) : null;
        if (at !== null) this.#setIndex(port, at);
      }
      this.#touch(port.spec.id);
    }
  }

  #sameSpace(a: Port, b: Port): boolean {
    const one = this.#loaded.get(a.spec.series)?.frames[0]?.frameOfReference ?? null;
    const two = this.#loaded.get(b.spec.series)?.frames[0]?.frameOfReference ?? null;
    return a.spec.series === b.spec.series || (one !== null && one === two);
  }

  #setIndex(port: Port, at: number): void {
    const viewport = this.#engine.getViewport(port.spec.id) as StackViewport;
    if (viewport.getCurrentImageIdIndex() !== at) viewport.setImageIdIndex(at).catch(() => undefined);
  }

  setLinked(linked: boolean): void {
    this.#linked = linked;
  }

  scroll(id: string, by: number): void {
    const port = this.#ports.get(id);
    if (!port?.ready || port.spec.kind === 'mip') return;
    const viewport = this.#engine.getViewport(id);
    utilities.scroll(viewport as never, { delta: by, ...(port.spec.kind === 'plane' ? { volumeId: (viewport as PlaneViewport).getVolumeId() } : {}) } as never);
  }

  /** Shows a point in every port of its frame of reference; the picture moves sideways only where it would lie outside. */
  jump(target: Vec3, frameOfReference: string | null): void {
    this.#following = true;
    try {
      for (const port of this.#ports.values()) {
        if (!port.ready || port.spec.kind === 'mip') continue;
        const loaded = this.#loaded.get(port.spec.series);
        const own = loaded?.frames[0]?.frameOfReference ?? null;
        if (!loaded || (frameOfReference !== null && own !== null && own !== frameOfReference)) continue;
        if (port.spec.kind === 'stack') {
          const first = loaded.frames[0];
          const normal = first ? normalOf(first) : null;
          const at = normal ? nearestPlaced(loaded, target, normal) : null;
          if (at !== null) this.#setIndex(port, at);
        } else this.#bring(port, target);
        this.#touch(port.spec.id);
      }
    } finally {
      this.#following = false;
    }
  }

  #bring(port: Port, target: Vec3): void {
    const viewport = this.#engine.getViewport(port.spec.id);
    const camera = viewport.getCamera();
    const normal = point3(camera.viewPlaneNormal);
    const focal = point3(camera.focalPoint);
    const position = point3(camera.position);
    const [x, y] = viewport.worldToCanvas([target[0], target[1], target[2]]);
    const margin = 24;
    const inside = x > margin && y > margin && x < port.element.clientWidth - margin && y < port.element.clientHeight - margin;
    const move = inside ? scale(normal, dot(sub(target, focal), normal)) : sub(target, focal);
    const to = add(focal, move);
    const eye = add(position, move);
    viewport.setCamera({ focalPoint: [to[0], to[1], to[2]], position: [eye[0], eye[1], eye[2]] });
    viewport.render();
  }

  setRange(id: string, range: Range): void {
    const port = this.#ports.get(id);
    if (!port?.ready) return;
    const voiRange = { lower: range.low, upper: range.high };
    for (const other of this.#ports.values()) {
      // Ports that show the same quantity the same way share their window, the fused ones only among themselves.
      const same = other === port || (port.spec.kind === 'plane' && other.spec.kind === 'plane' && other.spec.over !== null && other.spec.over === port.spec.over);
      if (!same || !other.ready) continue;
      const viewport = this.#engine.getViewport(other.spec.id) as PlaneViewport;
      if (other.spec.kind === 'plane' && other.spec.over) viewport.setProperties({ voiRange }, viewport.getVolumeId());
      else viewport.setProperties({ voiRange });
      viewport.render();
      this.#touch(other.spec.id);
    }
  }

  setInvertPet(inverted: boolean): void {
    this.#invertPet = inverted;
    for (const port of this.#ports.values()) {
      if (!port.ready) continue;
      this.#applyInvert(port);
      this.#engine.getViewport(port.spec.id).render();
      this.#touch(port.spec.id);
    }
  }

  #applyInvert(port: Port): void {
    const main = this.#loaded.get(port.spec.series);
    if (main?.modality !== 'PT' || (port.spec.kind === 'plane' && port.spec.over)) return;
    const viewport = this.#engine.getViewport(port.spec.id) as PlaneViewport;
    const voiRange = viewport.getProperties()?.voiRange;
    viewport.setProperties({ invert: this.#invertPet, ...(voiRange ? { voiRange } : {}) });
    const paper: [number, number, number] = this.#invertPet ? [1, 1, 1] : [0, 0, 0];
    (viewport as unknown as { getRenderer: () => { setBackground: (...rgb: number[]) => void } }).getRenderer().setBackground(...paper);
  }

  /** The place in the patient under a point of a port; in a projection, that of the highest value behind it. */
  pick(id: string, x: number, y: number): { point: Vec3; series: string; frameOfReference: string | null } | null {
    const port = this.#ports.get(id);
    const frame = port?.view.frame;
    if (!port?.ready || !frame?.position || !frame.spacing) return null;
    const viewport = this.#engine.getViewport(id);
    const point = port.spec.kind === 'mip' ? hottestBehind(viewport as PlaneViewport, x, y) : point3(viewport.canvasToWorld([x, y]));
    return point ? { point, series: port.spec.series, frameOfReference: frame.frameOfReference } : null;
  }

  zoomBy(id: string, factor: number): void {
    const port = this.#ports.get(id);
    if (!port?.ready) return;
    const viewport = this.#engine.getViewport(id);
    viewport.setZoom(viewport.getZoom() * factor);
    viewport.render();
    this.#moved(id);
  }

  panBy(id: string, dx: number, dy: number): void {
    const port = this.#ports.get(id);
    if (!port?.ready) return;
    const viewport = this.#engine.getViewport(id);
    const [x, y] = viewport.getPan();
    viewport.setPan([x + dx, y + dy]);
    viewport.render();
    this.#moved(id);
  }

  reset(): void {
    for (const port of this.#ports.values()) {
      if (!port.ready) continue;
      const viewport = this.#engine.getViewport(port.spec.id);
      if (port.spec.kind === 'mip') fitMip(viewport as PlaneViewport);
      else viewport.resetCamera();
      viewport.render();
    }
    this.#alignLinked();
  }

  resize(): void {
    if (this.#stopped || this.#ports.size === 0) return;
    this.#engine.resize(true, true);
    for (const id of this.#ports.keys()) this.#touch(id);
  }

  stop(): void {
    this.#stopped = true;
    this.#unlisten();
    for (const id of this.#ports.keys()) this.#drop(id);
    this.#engine.destroy();
    for (const loaded of this.#loaded.values()) dropSeries(loaded);
    this.#loaded.clear();
    this.#listeners.clear();
  }
}

const axisNormals = { axial: [0, 0, 1], coronal: [0, 1, 0], sagittal: [1, 0, 0], acquisition: null } as const;

/** Whether a cut goes across the images of a series: then it needs all of them. */
function across(loaded: LoadedSeries, spec: PortSpec): boolean {
  const first = loaded.frames[0];
  const own = first ? normalOf(first) : null;
  const wanted = spec.kind === 'plane' ? axisNormals[spec.axis] : null;
  return own !== null && wanted !== null && Math.abs(dot(own, wanted)) < 0.9;
}

function nearestFrame(loaded: LoadedSeries, point: Vec3, normal: Vec3): number {
  let best = 0;
  let least = Infinity;
  loaded.frames.forEach((frame, at) => {
    if (!frame.position) return;
    const away = Math.abs(dot(sub(frame.position, point), normalOf(frame) ?? normal));
    if (away < least) {
      least = away;
      best = at;
    }
  });
  return best;
}

/** The frame whose plane lies nearest to a point, or null where the series has none near it. */
function nearestPlaced(loaded: LoadedSeries, point: Vec3, normal: Vec3): number | null {
  const first = loaded.frames[0];
  const own = first ? normalOf(first) : null;
  if (!first?.position || !own || Math.abs(dot(own, normal)) < 0.9) return null;
  const at = nearestFrame(loaded, point, own);
  const place = loaded.frames[at]?.position;
  const next = loaded.frames[at + 1]?.position ?? loaded.frames[at - 1]?.position ?? null;
  if (!place) return null;
  const gap = next ? distance(place, next) : (first.thickness ?? 5);
  return Math.abs(dot(sub(place, point), own)) <= gap ? at : null;
}

function rangeOf(viewport: PlaneViewport | StackViewport, spec: PortSpec): Range | null {
  const properties = spec.kind === 'plane' && spec.over ? (viewport as PlaneViewport).getProperties((viewport as PlaneViewport).getVolumeId()) : viewport.getProperties();
  const voi = (properties as { voiRange?: { lower: number; upper: number } } | undefined)?.voiRange;
  return voi ? { low: voi.lower, high: voi.upper } : null;
}

function invertedOf(viewport: PlaneViewport | StackViewport, spec: PortSpec): boolean {
  if (spec.kind === 'plane' && spec.over) return false;
  return (viewport.getProperties() as { invert?: boolean } | undefined)?.invert === true;
}

/** Calls `act` at most every 600 ms while `source` tells, and once after it fell silent. */
function paced(source: (listener: () => void) => () => void, act: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const stop = source(() => {
    timer ??= setTimeout(() => {
      timer = null;
      act();
    }, 600);
  });
  return () => {
    stop();
    if (timer) clearTimeout(timer);
  };
}

/** Tells how many frames of the shown series are here; call the result to stop. */
export function onArrivals(listener: () => void): () => void {
  const { IMAGE_CACHE_IMAGE_ADDED } = Enums.Events;
  eventTarget.addEventListener(IMAGE_CACHE_IMAGE_ADDED, listener);
  return () => eventTarget.removeEventListener(IMAGE_CACHE_IMAGE_ADDED, listener);
}
