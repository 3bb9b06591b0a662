// What rows do with streams at either end.

/** Resolves when there is room in a response for more, or nobody to take it. */
export function room(response) {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
