# syntax=docker/dockerfile:1

# The packages, installed by npm from its lock file: no compiler, no development tools, no CUDA download.
FROM node:22-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image has its own Bun and needs no Node; resvg's library, which is optional to npm, stays. Of the API reference one
# file is served: it stays, what it was built from goes. Of the native libraries this platform's stay.
RUN npm ci --omit=dev --ignore-scripts --loglevel=error \
 && script=node_modules/@scalar/api-reference/dist/browser/standalone.js \
 && cp "$script" /tmp/ \
 && npm uninstall --no-save --omit=dev --ignore-scripts --loglevel=error bun @scalar/api-reference \
 && rm -rf node_modules/node-linux-* \
 && mkdir -p "$(dirname "$script")" && mv /tmp/standalone.js "$script" \
 && cd node_modules/onnxruntime-node/bin/napi-v* \
 && find . -mindepth 1 -maxdepth 1 -type d ! -name linux -exec rm -rf {} + \
 && find linux -mindepth 1 -maxdepth 1 -type d ! -name "$(node -p process.arch)" -exec rm -rf {} +

FROM oven/bun:1.4.5-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data HF_HOME=/data/huggingface
COPY --from=packages /app/node_modules node_modules
COPY . .
RUN mkdir -p /data && chown bun:bun /data
USER bun
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["bun", "-e", "const r = await fetch(`http://127.0.0.1:${process.env.PORT}/healthz`); process.exit(r.ok ? 0 : 1)"]
CMD ["bun", "src/main.ts"]
