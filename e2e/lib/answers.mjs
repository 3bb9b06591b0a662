// The other end of Helper.ask: what a helper process answers with.

/** Answers the parent's questions with `answers[question](args)`, and ends with the parent. */
export function serveAnswers(answers) {
  process.on('message', async ({ id, question, args }) => {
    try {
      process.send({ id, answer: (await answers[question](args)) ?? null });
    } catch (error) {
      process.send({ id, error: error.stack });
    }
  });
  process.on('disconnect', () => process.exit(0));
}
