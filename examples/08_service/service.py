"""A service without a network: a question a line on stdin, its answer a line on stdout.

A question is ``{"id": ..., "x": [...]}``; its answer has the same id, and either the scores or what
is wrong with the question. Answers come in the order of the questions, each as soon as it is there.
"""

import json
import logging
import queue
import sys
import threading

import littoral

IN_FLIGHT = 16  # questions; more wait in the pipe, where the sender feels it


def question_of(line):
    try:
        question = json.loads(line)
    except ValueError:
        question = None
    return question if isinstance(question, dict) else {}


def answer(future):
    try:
        scores = future.result()
        return {"best": int(scores.argmax()), "scores": scores.tolist()}
    except littoral.LittoralError as error:
        return {"error": str(error)}


def say(pending):
    """Write answers until there are no more questions."""
    for name, future in iter(pending.get, None):
        print(json.dumps({"id": name, **answer(future)}), flush=True)


def main(path):
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    pending = queue.Queue(IN_FLIGHT)
    writer = threading.Thread(target=say, args=(pending,))
    with littoral.Pool(path, size=2) as pool:
        logging.info("serving with %s", pool)
        writer.start()
        try:
            for line in sys.stdin:
                question = question_of(line)
                pending.put((question.get("id"), pool.submit(question.get("x", []))))
        finally:
            pending.put(None)
            writer.join()


if __name__ == "__main__":
    main(sys.argv[1])
