# The server in an image with nothing else in it: no shell, no libc, no root.
#
#     docker build --build-arg VERSION=$(git describe --tags --always) -t blinkdrive .
#     docker run -p 8080:8080 -v blinkdrive:/data blinkdrive
ARG GO_VERSION=1.26.8

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /root-fs/blinkdrive ./cmd/blinkdrive
# SQLite sorts what is large in /tmp. The folder of the data belongs to the user that the server runs as, and so does a
# volume that Docker makes for it.
RUN mkdir -p /root-fs/etc/ssl/certs /own-fs/data \
    && mkdir -m 1777 /root-fs/tmp \
    && chmod 0700 /own-fs/data \
    && cp /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/

FROM scratch
COPY --from=build /root-fs/ /
COPY --from=build --chown=65532:65532 /own-fs/ /
USER 65532:65532
ENV BLINKDRIVE_LISTEN=:8080 BLINKDRIVE_DATA=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/blinkdrive", "health"]
ENTRYPOINT ["/blinkdrive"]
CMD ["serve"]
