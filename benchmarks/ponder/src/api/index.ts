// Ponder asks for an API; readiness is all that is used of it.
import { Hono } from "hono";

export default new Hono();
