# PgBouncer between the services of the marketplace and their databases.
FROM debian:13-slim
RUN apt-get update && apt-get install -y --no-install-recommends pgbouncer && rm -rf /var/lib/apt/lists/*
COPY compose/pgbouncer.sh /usr/local/bin/run-pgbouncer
USER nobody
EXPOSE 6432
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/6432"]
CMD ["sh", "/usr/local/bin/run-pgbouncer"]
