import type { Types } from '@cornerstonejs/core';
import { add, scale, vec3, type Vec3 } from '../model/vec';

/** The place of the highest value behind a point of a maximum projection: what the eye sees there. */
export function hottestBehind(viewport: Types.IVolumeViewport, x: number, y: number): Vec3 | null {
  const image = viewport.getImageData();
  const from = vec3(viewport.canvasToWorld([x, y]));
  const along = vec3(viewport.getCamera().viewPlaneNormal);
  if (!image?.voxelManager || !from || !along) return null;
  const [nx, ny, nz] = image.dimensions;
  const step = Math.min(...image.spacing) / 2;
  const reach = Math.hypot(nx * image.spacing[0], ny * image.spacing[1], nz * image.spacing[2]);
  let best: Vec3 | null = null;
  let most = -Infinity;
  for (let way = -reach; way <= reach; way += step) {
    const point = add(from, scale(along, way));
    const [i = -1, j = -1, k = -1] = image.imageData.worldToIndex([point[0], point[1], point[2]]).map(Math.round);
    if (i < 0 || j < 0 || k < 0 || i >= nx || j >= ny || k >= nz) continue;
    const value = Number(image.voxelManager.getAtIJK(i, j, k));
    if (value > most) [most, best] = [value, point];
  }
  return best;
}
