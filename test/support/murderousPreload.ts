import { registerHooks } from 'node:module';

const murderous = new URL('./murderousOrderConsumer.ts', import.meta.url).href;

/** For `node --import`: puts the murderous consumer in the place of the real one, in a program that is as it is. */
registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context);
    const isReal = resolved.url.endsWith('/src/app/orders/orderConsumer.ts');
    return isReal && context.parentURL !== murderous ? { ...resolved, url: murderous } : resolved;
  },
});
