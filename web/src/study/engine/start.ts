import { cache, Enums, getShouldUseCPURendering, imageLoadPoolManager, init as startCore, utilities } from '@cornerstonejs/core';
import { init as startLoader } from '@cornerstonejs/dicom-image-loader';
import {
  addTool,
  annotation,
  EllipticalROITool,
  init as startTools,
  LengthTool,
  PanTool,
  ProbeTool,
  StackScrollTool,
  WindowLevelTool,
  ZoomTool,
} from '@cornerstonejs/tools';
import { watchDecoders } from './lost';
import { registerHeaders } from './provider';

const megabyte = 1024 * 1024;

/** Starts Cornerstone once. Resolves to what this machine can show. */
let started: Promise<{ volumes: boolean }> | null = null;
export function startEngine(): Promise<{ volumes: boolean }> {
  started ??= begin();
  return started;
}

async function begin(): Promise<{ volumes: boolean }> {
  // Ports share two contexts: volumes are uploaded and shaders compiled twice, not once per port.
  startCore({ rendering: { webGlContextCount: 2 } } as never);
  startTools();
  const cores = navigator.hardwareConcurrency || 2;
  startLoader({ maxWebWorkers: Math.max(1, Math.min(8, cores - 1)) });
  watchDecoders();
  registerHeaders();
  imageLoadPoolManager.setMaxSimultaneousRequests(Enums.RequestType.Prefetch, 8);
  imageLoadPoolManager.setMaxSimultaneousRequests(Enums.RequestType.Interaction, 16);
  cache.setMaxCacheSize(1024 * megabyte);
  utilities.colormap.registerColormap(hot);
  for (const tool of [WindowLevelTool, PanTool, ZoomTool, StackScrollTool, LengthTool, EllipticalROITool, ProbeTool]) addTool(tool);
  const defaults = annotation.config.style.getDefaultToolStyles();
  annotation.config.style.setDefaultToolStyles({ ...defaults, global: { ...defaults.global, ...measureStyle } });
  return { volumes: !getShouldUseCPURendering() };
}

/** Black, red, orange, yellow, white: the map of the fused ports and of their bar. */
const hot = {
  Name: 'vedette-hot',
  ColorSpace: 'RGB',
  RGBPoints: [0, 0, 0, 0, 0.12, 0.12, 0, 0, 0.3, 0.64, 0, 0, 0.55, 1, 0.35, 0, 0.78, 1, 0.77, 0, 1, 1, 1, 1],
} as unknown as Parameters<typeof utilities.colormap.registerColormap>[0];

/** A person's own measurement: solid, in the ink of a person (tokens.css, --mark-person), whatever the tool is doing. */
const ink = 'rgb(244, 246, 247)';
const conditions = ['', 'Highlighted', 'Selected', 'Locked'].flatMap((state) => ['', 'Active', 'Passive', 'Enabled'].map((mode) => state + mode));
const inAll = (name: string, value: string): Record<string, string> => Object.fromEntries(conditions.map((condition) => [name + condition, value]));
const measureStyle = {
  ...inAll('color', ink),
  ...inAll('textBoxColor', ink),
  ...inAll('lineWidth', '1.5'),
  ...inAll('textBoxFontFamily', 'Inter, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif'),
  ...inAll('textBoxFontSize', '12px'),
};
