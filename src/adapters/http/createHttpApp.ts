import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { answerFailure } from './answer.ts';
import type { Edge } from './deps.ts';
import { type Exchange, type Handler, openExchange } from './Exchange.ts';
import { HttpProblem } from './problems.ts';
import { refuseSuspicious } from './refuseSuspicious.ts';
import { routes } from './routes.ts';

/**
 * The API as a listener for a node:http server. Express routes; everything else is done here with what node:http
 * gives, because that is several times faster than `express.json()` and `res.json()`, and says what we want it to say.
 */
export const createHttpApp = (edge: Edge): RequestListener => {
  const app = routed(edge);
  return (req, res) => {
    try {
      refuseSuspicious(req);
    } catch (failure) {
      answerFailure(openExchange(edge, req, res, {}), failure);
      return;
    }
    app(req, res);
  };
};

const routed = (edge: Edge): Express => {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', false);
  for (const { path, methods } of routes) {
    const route = app.route(path);
    if (methods.GET !== undefined) route.get(served(edge, methods.GET));
    if (methods.POST !== undefined) route.post(served(edge, methods.POST));
    if (methods.PUT !== undefined) route.put(served(edge, methods.PUT));
    const allow = Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    route.all(served(edge, refuseMethod(allow.join(', '))));
  }
  app.use(served(edge, refusePath));
  app.use((error: unknown, req: Request, res: Response, _next: NextFunction) => {
    answerFailure(openExchange(edge, req, res, {}), error);
  });
  return app;
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
