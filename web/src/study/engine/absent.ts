// Stands in for the VTK mesh reader that Cornerstone's mesh loader imports: Vedette loads no meshes, and the reader brings
// an XML library that needs Node. See resolve.alias in vite.config.ts.
export default {
  newInstance(): never {
    throw new Error('VTK meshes are not read by this page');
  },
};
export const create = (): never => {
  throw new Error('XML meshes are not read by this page');
};
