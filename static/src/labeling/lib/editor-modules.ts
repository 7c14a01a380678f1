/** The modules of the editors, each loaded only where a control of its type is in use. */
const modules = import.meta.glob(["../editors/*.ts", "!../editors/editor.ts"]);

/** Fetch the editor of a type of control; rejects where there is none. */
export async function define(type: string): Promise<void> {
  const load = modules[`../editors/${type}.ts`];
  if (!load) throw new Error(`there is no editor of type ${type}`);
  await load();
}
