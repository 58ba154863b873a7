// What becomes of a promise that fails: the component says so, and the console knows why.

/** @param {(message: string) => void} say @returns {(error: unknown) => void} */
export const reportTo = (say) => (error) => {
  console.error(error);
  say(error instanceof Error ? error.message : String(error));
};
