/** Must run before arktype. */
import { configure } from "arktype/config";

configure({ jitless: true });
