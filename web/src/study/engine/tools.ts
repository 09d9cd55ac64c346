import {
  annotation,
  EllipticalROITool,
  Enums,
  LengthTool,
  PanTool,
  ProbeTool,
  StackScrollTool,
  ToolGroupManager,
  WindowLevelTool,
  ZoomTool,
} from '@cornerstonejs/tools';
import type { PortSpec } from '../model/hanging';

export type ToolId = 'scroll' | 'window' | 'zoom' | 'pan' | 'length' | 'area' | 'probe';
export const measuring: readonly ToolId[] = ['length', 'area', 'probe'];

const names: Readonly<Record<ToolId, string>> = {
  scroll: StackScrollTool.toolName,
  window: WindowLevelTool.toolName,
  zoom: ZoomTool.toolName,
  pan: PanTool.toolName,
  length: LengthTool.toolName,
  area: EllipticalROITool.toolName,
  probe: ProbeTool.toolName,
};
const { MouseBindings } = Enums;

type Kind = 'measured' | 'shown' | 'mip';
const groupId = (engine: string, kind: Kind) => `${engine}-${kind}`;
let current: ToolId = 'scroll';

/** A port of its kind: measured, shown but not measured, or a projection (neither scrolled nor measured). */
export function joinTools(engine: string, spec: PortSpec, measurable: boolean): void {
  const kind: Kind = spec.kind === 'mip' ? 'mip' : measurable ? 'measured' : 'shown';
  group(engine, kind)?.addViewport(spec.id, engine);
}

export function leaveTools(engine: string, port: string): void {
  for (const kind of ['measured', 'shown', 'mip'] as const) ToolGroupManager.getToolGroup(groupId(engine, kind))?.removeViewports(engine, port);
}

const allowed = (kind: Kind): readonly ToolId[] => {
  if (kind === 'mip') return ['window', 'zoom', 'pan'];
  return kind === 'shown' ? ['scroll', 'window', 'zoom', 'pan'] : ['scroll', 'window', 'zoom', 'pan', 'length', 'area', 'probe'];
};

function group(engine: string, kind: Kind) {
  const known = ToolGroupManager.getToolGroup(groupId(engine, kind));
  if (known) return known;
  const made = ToolGroupManager.createToolGroup(groupId(engine, kind));
  if (!made) return undefined;
  for (const tool of allowed(kind)) made.addTool(names[tool]);
  bind(made, kind);
  return made;
}

type Group = NonNullable<ReturnType<typeof ToolGroupManager.getToolGroup>>;
function bind(made: Group, kind: Kind): void {
  const list = allowed(kind);
  const primary = list.includes(current) ? current : kind === 'mip' ? 'window' : 'scroll';
  for (const tool of list) {
    const bindings = [
      ...(tool === primary ? [{ mouseButton: MouseBindings.Primary }] : []),
      ...(tool === 'pan' ? [{ mouseButton: MouseBindings.Auxiliary }] : []),
      ...(tool === 'zoom' ? [{ mouseButton: MouseBindings.Secondary }] : []),
      ...(tool === 'scroll' ? [{ mouseButton: MouseBindings.Wheel }] : []),
    ];
    if (bindings.length > 0) made.setToolActive(names[tool], { bindings });
    else if (measuring.includes(tool)) made.setToolPassive(names[tool]);
    else made.setToolDisabled(names[tool]);
  }
}

export function chooseTool(engine: string, tool: ToolId): void {
  current = tool;
  for (const kind of ['measured', 'shown', 'mip'] as const) {
    const known = ToolGroupManager.getToolGroup(groupId(engine, kind));
    if (known) {
      for (const other of allowed(kind)) known.setToolPassive(names[other], { removeAllBindings: true });
      bind(known, kind);
    }
  }
}

export function endTools(engine: string): void {
  for (const kind of ['measured', 'shown', 'mip'] as const) ToolGroupManager.destroyToolGroup(groupId(engine, kind));
  annotation.state.removeAllAnnotations();
  current = 'scroll';
}

/** Removes the measurement drawn last; false where there is none. */
export function undoMeasurement(): boolean {
  const last = annotation.state.getAllAnnotations().at(-1);
  if (!last?.annotationUID) return false;
  annotation.state.removeAnnotation(last.annotationUID);
  return true;
}
