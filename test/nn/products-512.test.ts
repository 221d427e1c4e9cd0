import { describeProducts } from "./products.ts";

describeProducts("512");
