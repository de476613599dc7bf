// A transform of asc: exports get the names that the component model has for them.
const NAMES = {
  originRequest: 'verge:edge/origin-request@0.1.0#handle',
  originResponse: 'verge:edge/origin-response@0.1.0#handle',
};

export default class Exports {
  afterCompile(module) {
    for (let at = 0, last = module.getNumExports(); at < last; at++) {
      const { name, value } = this.binaryen.getExportInfo(module.getExportByIndex(at));
      if (!Object.hasOwn(NAMES, name)) continue;
      module.removeExport(name);
      module.addFunctionExport(value, NAMES[name]);
      [at, last] = [-1, module.getNumExports()];
    }
  }
}
