import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type Request, type Response, type Router } from 'express';
import { answerFailure } from './answer.ts';
import type { Edge } from './deps.ts';
import { type Exchange, type Handler, openExchange } from './Exchange.ts';
import { HttpProblem } from './problems.ts';
import { refuseSuspicious } from './refuseSuspicious.ts';
import { routes } from './routes.ts';

/**
 * The API as a listener for a node:http server. Express's router routes; everything else is done here with what
 * node:http gives, because that is several times faster than `express.json()` and `res.json()`, and says what we want
 * it to say. An Express application around the router would give every request another prototype, for nothing here.
 */
export const createHttpApp = (edge: Edge): RequestListener => {
  const router = routed(edge);
  return (req, res) => {
    const fail = (failure: unknown): void => answerFailure(openExchange(edge, req, res, {}), failure);
    try {
      refuseSuspicious(req);
      // The router needs no more of Express's types than it meets in node:http's.
      router(req as Request, res as Response, fail);
    } catch (failure) {
      fail(failure);
    }
  };
};

const routed = (edge: Edge): Router => {
  const router = express.Router({ caseSensitive: true, strict: true });
  for (const { path, methods } of routes) {
    const route = router.route(path);
    if (methods.GET !== undefined) route.get(served(edge, methods.GET));
    if (methods.POST !== undefined) route.post(served(edge, methods.POST));
    if (methods.PUT !== undefined) route.put(served(edge, methods.PUT));
    const allow = Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    route.all(served(edge, refuseMethod(allow.join(', '))));
  }
  router.use(served(edge, refusePath));
  return router;
};

const served =
  (edge: Edge, handler: Handler) =>
  (req: IncomingMessage & { readonly params: Record<string, unknown> }, res: ServerResponse): void => {
    // Only named parameters are used, and those are single strings.
    const exchange = openExchange(edge, req, res, req.params as Record<string, string>);
    void serve(exchange, handler);
  };

const serve = async (exchange: Exchange, handler: Handler): Promise<void> => {
  try {
    await handler(exchange);
  } catch (failure) {
    answerFailure(exchange, failure);
  }
};

const refuseMethod = (allow: string) => (): void => {
  throw new HttpProblem('method_not_allowed', `This path takes ${allow}.`, { headers: { Allow: allow } });
};

const refusePath = (): void => {
  throw new HttpProblem('not_found', 'There is nothing at this path.');
};
