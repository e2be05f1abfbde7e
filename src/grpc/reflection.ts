/**
 * Server reflection: services and their descriptor files with all imports, so that tools need no schema. It needs no token.
 * Source: grpc/reflection/v1/reflection.proto.
 */
import {
  createRegistry,
  type DescFile,
  type DescService,
  type MessageInitShape,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../proto/google/rpc/error_details_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "../proto/grpc/reflection/v1/reflection_pb.ts";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

/** @param services all others of the server. */
export function addReflection(router: ConnectRouter, services: readonly DescService[]): void {
  const described = new Descriptions([...services, ServerReflection]);
  router.service(ServerReflection, {
    serverReflectionInfo: async function* (requests) {
      // Most files are imported by several others; each is sent once per stream.
      const sent = new Set<DescFile>();
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: described.answer(request, sent),
        };
      }
    },
  });
}

class Descriptions {
  readonly #services: readonly DescService[];
  readonly #files = new Map<string, DescFile>();
  readonly #registry: Registry;

  constructor(services: readonly DescService[]) {
    this.#services = services;
    for (const { file } of services) this.#add(file);
    // Types of error details, which no request or answer imports.
    this.#add(file_google_rpc_error_details);
    this.#registry = createRegistry(...this.#files.values());
  }

  answer({ messageRequest: { case: asked, value } }: ServerReflectionRequest, sent: Set<DescFile>): Answer {
    switch (asked) {
      case "listServices": {
        const service = this.#services.map(({ typeName: name }) => ({ name }));
        return { case: "listServicesResponse", value: { service } };
      }
      case "fileByFilename":
        return answerWith(this.#files.get(value), sent);
      case "fileContainingSymbol":
        return answerWith(this.#fileOf(value), sent);
      case "fileContainingExtension": {
        const type = this.#registry.getMessage(value.containingType);
        return answerWith(type && this.#registry.getExtensionFor(type, value.extensionNumber)?.file, sent);
      }
      case "allExtensionNumbersOfType": {
        if (!this.#registry.getMessage(value)) return notFound();
        const extensions = [...this.#registry].filter((one) => one.kind === "extension");
        const extensionNumber = extensions
          .filter(({ extendee }) => extendee.typeName === value)
          .map(({ number }) => number);
        return { case: "allExtensionNumbersResponse", value: { baseTypeName: value, extensionNumber } };
      }
      default:
        return error(Code.InvalidArgument, "the request asks for nothing");
    }
  }

  /** The file of a type or of its member, such as a procedure. */
  #fileOf(symbol: string): DescFile | undefined {
    const type = this.#registry.get(symbol);
    if (type) return type.file;
    const end = symbol.lastIndexOf(".");
    const parent = end < 0 ? undefined : this.#registry.get(symbol.slice(0, end));
    const members = parent && membersOf(parent);
    return members?.includes(symbol.slice(end + 1)) ? parent?.file : undefined;
  }

  #add(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const imported of file.dependencies) this.#add(imported);
  }
}

function membersOf(type: NonNullable<ReturnType<Registry["get"]>>): string[] {
  if (type.kind === "service") return type.methods.map(({ name }) => name);
  if (type.kind === "message") return [...type.fields, ...type.oneofs].map(({ name }) => name);
  return type.kind === "enum" ? type.values.map(({ name }) => name) : [];
}

/** The file first, then its imports. */
function answerWith(file: DescFile | undefined, sent: Set<DescFile>): Answer {
  if (!file) return notFound();
  sent.delete(file);
  const files: DescFile[] = [];
  const add = (one: DescFile): void => {
    if (sent.has(one)) return;
    sent.add(one);
    files.push(one);
    for (const imported of one.dependencies) add(imported);
  };
  add(file);
  const fileDescriptorProto = files.map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(): Answer {
  return error(Code.NotFound, "there is no such description");
}

function error(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
