import { add, cross, dot, offPlane, scale, sub, unit, type Plane, type Vec3 } from './vec';

export type FindingState = 'proposed' | 'confirmed' | 'edited' | 'rejected' | 'deferred' | 'withdrawn' | 'added';

export interface Outline {
  readonly frame_of_reference_uid: string | null;
  readonly series_uid: string | null;
  readonly slices: readonly { readonly sop_instance_uid: string; readonly frame: number; readonly polygons: readonly (readonly Vec3[])[] }[];
  readonly centre_mm: Vec3 | null;
  readonly radius_mm: number | null;
}

/** The pattern is the state (design §10): null is not drawn at all. */
export type Pattern = 'proposed' | 'person' | 'deferred' | null;
export function patternOf(state: FindingState): Pattern {
  switch (state) {
    case 'proposed':
      return 'proposed';
    case 'confirmed':
    case 'edited':
    case 'added':
      return 'person';
    case 'deferred':
      return 'deferred';
    case 'rejected':
    case 'withdrawn':
      return null;
  }
}

type Polygon = readonly Vec3[];

function planeOf(polygon: Polygon): Plane | null {
  const [a, b] = polygon;
  if (!a || !b) return null;
  for (const c of polygon) {
    const normal = cross(sub(b, a), sub(c, a));
    if (Math.hypot(...normal) > 1e-4) return { point: a, normal: unit(normal) };
  }
  return null;
}

/** The distance between neighbouring slices of the outline in millimetres; 3 where there is only one. */
export function sliceGap(outline: Outline): number {
  const polygons = outline.slices.flatMap((slice) => slice.polygons);
  const plane = polygons.map(planeOf).find((one) => one !== null);
  if (!plane) return 3;
  const places = [...new Set(polygons.map((polygon) => Math.round(offPlane(plane, polygon[0] ?? plane.point) * 100) / 100))].sort((a, b) => a - b);
  const gaps = places.slice(1).map((place, at) => place - (places[at] ?? place)).filter((gap) => gap > 0.01);
  return gaps.length > 0 ? Math.min(...gaps) : 3;
}

/** Where the plane crosses the edges of a polygon, in order along the cut. */
function crossings(polygon: Polygon, plane: Plane): Vec3[] {
  const points: Vec3[] = [];
  polygon.forEach((from, at) => {
    const to = polygon[(at + 1) % polygon.length] ?? from;
    const a = offPlane(plane, from);
    const b = offPlane(plane, to);
    if ((a < 0 && b >= 0) || (a >= 0 && b < 0)) points.push(add(from, scale(sub(to, from), a / (a - b))));
  });
  return points;
}

interface Interval {
  readonly low: number;
  readonly high: number;
  readonly start: Vec3;
  readonly end: Vec3;
}

/** Joins the cuts of neighbouring slices into closed rings, each slice being `gap` thick. */
function ringsAcross(rows: readonly { height: number; intervals: readonly Interval[] }[], up: Vec3, gap: number): Vec3[][] {
  const rings: Vec3[][] = [];
  let open: { height: number; low: number; high: number; left: Vec3[]; right: Vec3[] }[] = [];
  const half = scale(up, gap / 2);
  const close = (ring: (typeof open)[number]) => {
    const top = ring.left.at(-1);
    const topRight = ring.right.at(-1);
    const bottom = ring.left[0];
    const bottomRight = ring.right[0];
    if (!top || !topRight || !bottom || !bottomRight) return;
    rings.push([sub(bottom, half), ...ring.left, add(top, half), add(topRight, half), ...[...ring.right].reverse(), sub(bottomRight, half)]);
  };
  for (const row of rows) {
    const next: typeof open = [];
    for (const part of row.intervals) {
      const at = open.findIndex((ring) => row.height - ring.height < gap * 1.5 && ring.low < part.high && part.low < ring.high);
      const ring = at >= 0 ? open.splice(at, 1)[0] : undefined;
      const grown = ring ?? { height: 0, low: 0, high: 0, left: [], right: [] };
      grown.left.push(part.start);
      grown.right.push(part.end);
      next.push({ ...grown, height: row.height, low: part.low, high: part.high });
    }
    open.forEach(close);
    open = next;
  }
  open.forEach(close);
  return rings;
}

/**
 * The rings in which `plane` cuts the region, in patient millimetres. A cut along the slices takes the polygons of the
 * nearest slice; a cut across them is put together from the crossings.
 */
export function cut(outline: Outline, plane: Plane): readonly Polygon[] {
  const polygons = outline.slices.flatMap((slice) => slice.polygons).filter((polygon) => polygon.length > 2);
  const own = polygons.map(planeOf).find((one) => one !== null);
  if (!own) return [];
  const gap = sliceGap(outline);
  if (Math.abs(dot(own.normal, plane.normal)) > 0.98) {
    const near = polygons.map((polygon) => ({ polygon, away: Math.abs(offPlane(plane, polygon[0] ?? own.point)) }));
    const least = Math.min(...near.map((one) => one.away));
    return least <= gap / 2 + 0.01 ? near.filter((one) => one.away <= least + 0.01).map((one) => one.polygon) : [];
  }
  const along = unit(cross(own.normal, plane.normal));
  const byHeight = new Map<number, Interval[]>();
  for (const polygon of polygons) {
    const points = crossings(polygon, plane).sort((a, b) => dot(a, along) - dot(b, along));
    const height = Math.round(offPlane(own, polygon[0] ?? own.point) * 100) / 100;
    const list = byHeight.get(height) ?? [];
    for (let at = 0; at + 1 < points.length; at += 2) {
      const start = points[at];
      const end = points[at + 1];
      if (start && end) list.push({ low: dot(start, along), high: dot(end, along), start, end });
    }
    if (list.length > 0) byHeight.set(height, list);
  }
  const rows = [...byHeight.entries()].sort((a, b) => a[0] - b[0]).map(([height, intervals]) => ({ height, intervals }));
  return ringsAcross(rows, own.normal, gap);
}

export type Canvas2 = readonly [number, number];

/** An SVG path of closed rings; one decimal is enough on screen. */
export function svgPath(rings: readonly (readonly Canvas2[])[]): string {
  return rings
    .filter((ring) => ring.length > 2)
    .map((ring) => `M${ring.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}Z`)
    .join('');
}

/** The box of rings on the canvas, or null where there is none. */
export function boxOf(rings: readonly (readonly Canvas2[])[]): { left: number; top: number; right: number; bottom: number } | null {
  const points = rings.flat();
  if (points.length === 0) return null;
  return {
    left: Math.min(...points.map((p) => p[0])),
    right: Math.max(...points.map((p) => p[0])),
    top: Math.min(...points.map((p) => p[1])),
    bottom: Math.max(...points.map((p) => p[1])),
  };
}
