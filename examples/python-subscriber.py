#!/usr/bin/env python3
"""Follows all orders on RabbitMQ, and gives each event its effect once and in order. Needs pika.

Ends after `count` messages where that is given as argument. How far each order was followed is kept in an SQLite
file, STATE_FILE, because it must survive as long as the queue does.
"""

import json
import os
import re
import sqlite3
import sys

import pika

BROKER_URL = os.environ.get("BROKER_URL", "amqp://guest:guest@127.0.0.1:5672")
PREFIX = os.environ.get("QUEUE_PREFIX", "")
EXCHANGE, QUEUE = f"{PREFIX}orderflow.events", f"{PREFIX}python-subscriber"
STATE_FILE = os.environ.get("STATE_FILE", "data/python-subscriber.db")

os.makedirs(os.path.dirname(STATE_FILE) or ".", exist_ok=True)
state = sqlite3.connect(STATE_FILE)
state.executescript(
    """
    create table if not exists handled (source text primary key, sequence integer not null);
    create table if not exists held (source text, sequence integer, body text, primary key (source, sequence));
    """
)


def tell(what, event):
    print(what, event["source"], int(event["sequence"]), event["type"], flush=True)


def effect(event):
    """What a real subscriber is there for. Written to `state`, it stands or falls with the sequence."""
    tell("handled", event)


def take(event):
    source, sequence = event["source"], int(event["sequence"])
    with state:  # One transaction. The message is acked after its commit.
        row = state.execute("select sequence from handled where source = ?", (source,)).fetchone()
        last = row[0] if row else 0
        if sequence <= last:
            return tell("duplicate", event)
        if sequence > last + 1:
            # A message that went back to the queue can come behind its successor. This one waits here for it.
            state.execute("insert or ignore into held values (?, ?, ?)", (source, sequence, json.dumps(event)))
            return tell(f"ahead (waits for {last + 1})", event)
        while event is not None:
            effect(event)
            last += 1
            state.execute("insert or replace into handled values (?, ?)", (source, last))
            state.execute("delete from held where source = ? and sequence = ?", (source, last))
            following = (source, last + 1)
            row = state.execute("select body from held where source = ? and sequence = ?", following).fetchone()
            event = json.loads(row[0]) if row else None


def readable(body):
    """The event, or None for what has no place in a sequence."""
    try:
        event = json.loads(body)
        whole = re.fullmatch("[0-9]{10}", event["sequence"]) and event["source"] + event["type"]
        return event if whole else None
    except (ValueError, KeyError, TypeError):
        return None


def main():
    left = int(sys.argv[1]) if len(sys.argv) > 1 else None
    connection = pika.BlockingConnection(pika.URLParameters(BROKER_URL))
    channel = connection.channel()
    # Declared just as the service does, so that it does not matter who starts first.
    channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
    # A second copy of this program, on the same state, stands by until the first is gone: two would not keep order.
    arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True}
    channel.queue_declare(QUEUE, durable=True, arguments=arguments)
    channel.queue_bind(QUEUE, EXCHANGE, "order.#")
    channel.basic_qos(prefetch_count=20)
    print(f"listening to {QUEUE}", file=sys.stderr, flush=True)
    for method, _, body in channel.consume(QUEUE):
        event = readable(body)
        if event is None:
            print(f"unreadable {body!r}", file=sys.stderr, flush=True)
            channel.basic_reject(method.delivery_tag, requeue=False)
        else:
            take(event)
            channel.basic_ack(method.delivery_tag)
        left = None if left is None else left - 1
        if left == 0:
            break
    else:
        sys.exit("the queue is gone")
    connection.close()


try:
    main()
except KeyboardInterrupt:
    pass  # What was not acked comes again.
