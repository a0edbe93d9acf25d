import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../src/config.ts";

describe("readConfig", () => {
  it("Works with nothing set, on loopback only", () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      port: 3000,
      host: "127.0.0.1",
      modelsDir: "models",
      dataDir: "data",
      device: "auto",
      threads: null,
    });
    expect(config.modelMemoryBytes).toBeGreaterThan(1e8);
    expect(config.engineIdleSeconds).toBeNull();
  });

  it("Counts an empty variable as absent", () => {
    expect(readConfig({ PORT: "", THREADS: " " })).toMatchObject({ port: 3000, threads: null });
  });

  it("Refuses a wrong value with its name, the value and what is allowed", () => {
    expect(() => readConfig({ PORT: "http" })).toThrow(
      new ConfigError('PORT is "http"; it must be a whole number from 0 to 65535.'),
    );
    expect(() => readConfig({ WEIGHTS: "folded" })).toThrow('WEIGHTS is "folded"; it must be packed or mapped.');
    expect(() => readConfig({ HALF_PRECISION: "half" })).toThrow('HALF_PRECISION is "half"; it must be auto, fold or keep.');
    expect(() => readConfig({ MAX_ACTIVE_RUNS: "0" })).toThrow(
      'MAX_ACTIVE_RUNS is "0"; it must be a whole number from 1 to 10000.',
    );
    expect(() => readConfig({ ALLOW_OPEN: "yes" })).toThrow('ALLOW_OPEN is "yes"; it must be true or false.');
  });

  it("Names every wrong value at once", () => {
    expect(() => readConfig({ PORT: "-1", LOG_LEVEL: "loud" })).toThrow(/PORT[^\n]*\n LOG_LEVEL|PORT[^\n]*\nLOG_LEVEL/);
  });

  it("Knows its devices, and refuses others by name", () => {
    expect(readConfig({ DEVICE: "webgpu" }).device).toBe("webgpu");
    expect(() => readConfig({ DEVICE: "tpu" })).toThrow('DEVICE is "tpu"; it must be auto, cpu, webgpu or cuda.');
  });

  it("Listens to others only with keys, or when told to be open", () => {
    expect(() => readConfig({ HOST: "0.0.0.0" })).toThrow('HOST is "0.0.0.0", which others can reach');
    expect(readConfig({ HOST: "0.0.0.0", API_KEYS: "first-key, second-key" }).apiKeys).toEqual(["first-key", "second-key"]);
    expect(readConfig({ HOST: "0.0.0.0", ALLOW_OPEN: "true" }).host).toBe("0.0.0.0");
    expect(readConfig({ HOST: "::1" }).host).toBe("::1");
  });

  it("Never repeats a key", () => {
    expect(() => readConfig({ API_KEYS: "short" })).toThrow(
      "API_KEYS is (not shown); it must be keys of 8 to 256 printable characters",
    );
  });

  it("Finds the hub's cache and token where the hub's other clients do", () => {
    expect(readConfig({ XDG_CACHE_HOME: "/c" }).hub).toMatchObject({
      cacheDir: "/c/huggingface/hub",
      tokenFile: "/c/huggingface/token",
      endpoint: null,
      token: null,
      allowDownloads: false,
    });
    expect(readConfig({ HF_HOME: "/h", XDG_CACHE_HOME: "/c" }).hub).toMatchObject({ cacheDir: "/h/hub", tokenFile: "/h/token" });
    expect(readConfig({ HF_HOME: "/h", HF_HUB_CACHE: "/x" }).hub).toMatchObject({ cacheDir: "/x", tokenFile: "/h/token" });
    expect(readConfig({ HF_HUB_CACHE: "~/models" }).hub.cacheDir).toBe(join(homedir(), "models"));
    expect(readConfig({ HF_ENDPOINT: "http://mirror:8080/hub/" }).hub.endpoint).toBe("http://mirror:8080/hub");
  });

  it("Refuses what cannot be a mirror, a token or a limit, and shows no secret", () => {
    expect(() => readConfig({ HF_ENDPOINT: "mirror" })).toThrow(
      'HF_ENDPOINT is "mirror"; it must be an address such as https://',
    );
    expect(() => readConfig({ HF_ENDPOINT: "https://me:secret@mirror" })).toThrow("HF_ENDPOINT is (not shown); it must be");
    expect(() => readConfig({ HF_TOKEN: "two words" })).toThrow("HF_TOKEN is (not shown); it must be a token");
    expect(() => readConfig({ ALLOW_DOWNLOADS: "1" })).toThrow('ALLOW_DOWNLOADS is "1"; it must be true or false.');
    expect(() => readConfig({ MAX_DOWNLOAD_BYTES: "10" })).toThrow("MAX_DOWNLOAD_BYTES");
  });
});
