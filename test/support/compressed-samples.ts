// One capture in each compression, so that reading them is tested where no compressor is: `threeSessions` as zstd -19 and
// xz -9 wrote it. gzip comes with Node.
import { manySessions } from "./pcap-builder.ts";

/** Three TCP sessions of two packets each: 636 bytes. */
export const threeSessions = (): Uint8Array => manySessions(3, { packets: 2 });

export const THREE_SESSIONS_ZSTD = Buffer.from(
  "KLUv/WB8AV0EABIHFh6gqzFY2zCR4KyGaedd/z7pbq6VuyNUJdLzf24iZQrabvDtPnJTBUDVn9Duc9aS0n/qXql+iHUioUzpUvfqn1Ej" +
    "HB9GkTzyoP+7/8v8O4v3rz+OL19purIcoGBwXJLKxmaQr3HOIVAZnh+tBYj8fACe5fMzu57tKa+lsbjOPxWAGrlyYpaZagE=",
  "base64",
);
export const THREE_SESSIONS_XZ = Buffer.from(
  "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4AJ7AIddAGow0ch9i/gJm62US4rzStCYEo8qULxVmtgTHtzR/pd5VgfLquCIB8fL05J9D/4H" +
    "JReCBWsMCeWjZWcJ4P6OTJjX88uf9MnXlDKXrf0/TcBM/rleWxetfRIXKKZ84Eyx7GaM7LzyGRo+k8+/SL8JSSMMk0lVBRt2dloYLVMd" +
    "vk9W/QTtG4rGaAAAC8xVZA5mb/kAAaMB/AQAAO6fBKqxxGf7AgAAAAAEWVo=",
  "base64",
);
