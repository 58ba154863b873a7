// What becomes of a promise that fails: the component says so, and the console knows why.

/** @param {unknown} error */
export const textOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {(message: string) => void} say @returns {(error: unknown) => void} */
export const reportTo = (say) => (error) => {
  console.error(error);
  say(textOf(error));
};
