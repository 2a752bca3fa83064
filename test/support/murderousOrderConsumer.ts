import {
  type OrderConsumerParts,
  orderConsumer as realOrderConsumer,
} from '../../src/app/orders/orderConsumer.ts';

/** The orders' consumer, for which one message is deadly: the process that handles it is gone at once. */
export const orderConsumer = (parts: OrderConsumerParts): ReturnType<typeof realOrderConsumer> => {
  const real = realOrderConsumer(parts);
  return {
    ...real,
    handle: (session, message, prepared) => {
      if (message.id === process.env.TEST_DEADLY_MESSAGE) process.kill(process.pid, 'SIGKILL');
      real.handle(session, message, prepared);
    },
  };
};
