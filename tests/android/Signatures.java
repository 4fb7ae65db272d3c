// SPDX-License-Identifier: Apache-2.0

import java.util.List;
import java.util.function.Predicate;
import jadx.core.clsp.ClspMethod;
import jadx.core.dex.instructions.args.ArgType;
import org.objectweb.asm.Type;

/** Signatures of jadx's types as class files write them. */
final class Signatures {
    static final String OBJECT = "java/lang/Object";

    private final Predicate<String> isInterface;

    Signatures(Predicate<String> isInterface) {
        this.isInterface = isInterface;
    }

    /** Of a method, with what it is generic in. */
    String of(ClspMethod method) {
        StringBuilder text = new StringBuilder(typeParameters(method.getTypeParameters())).append('(');
        method.getArgTypes().forEach(one -> text.append(of(one)));
        return text.append(')').append(of(method.getReturnType())).toString();
    }

    String typeParameters(List<ArgType> parameters) {
        if (parameters == null || parameters.isEmpty()) {
            return "";
        }
        StringBuilder text = new StringBuilder("<");
        for (ArgType one : parameters) {
            text.append(one.getObject()).append(':');
            List<ArgType> bounds = one.getExtendTypes() == null ? List.of() : one.getExtendTypes();
            if (bounds.isEmpty()) {
                text.append("L" + OBJECT + ";");
            } else {
                // an interface as the first bound has another colon before it
                text.append(isInterface.test(slashed(bounds.get(0).getObject())) ? ":" : "");
                text.append(String.join(":", bounds.stream().map(this::of).toList()));
            }
        }
        return text.append('>').toString();
    }

    String of(ArgType type) {
        if (type.isPrimitive()) {
            return type.getPrimitiveType().getShortName();
        }
        if (type.isArray()) {
            return "[" + of(type.getArrayElement());
        }
        if (type.isWildcard()) {
            return switch (type.getWildcardBound()) {
                case UNBOUND -> "*";
                case EXTENDS -> "+" + of(type.getWildcardType());
                case SUPER -> "-" + of(type.getWildcardType());
            };
        }
        if (type.isGenericType()) {
            return "T" + type.getObject() + ";";
        }
        if (type.getOuterType() != null) {
            String outer = of(type.getOuterType());
            String inner = of(type.getInnerType());
            return outer.substring(0, outer.length() - 1) + "." + inner.substring(1);
        }
        StringBuilder text = new StringBuilder("L").append(slashed(type.getObject()));
        if (type.getGenericTypes() != null && !type.getGenericTypes().isEmpty()) {
            text.append('<');
            type.getGenericTypes().forEach(one -> text.append(of(one)));
            text.append('>');
        }
        return text.append(';').toString();
    }

    /** The class's own name in the signature of a type. */
    static String erased(String signature) {
        StringBuilder text = new StringBuilder();
        int depth = 0;
        for (char letter : signature.substring(1, signature.length() - 1).toCharArray()) {
            depth += letter == '<' ? 1 : 0;
            if (depth == 0) {
                text.append(letter == '.' ? '$' : letter);
            }
            depth -= letter == '>' ? 1 : 0;
        }
        return text.toString();
    }

    /** I, Z, ... of a number, `[` of an array, L of any object. */
    static String shape(String descriptor) {
        StringBuilder text = new StringBuilder();
        for (Type one : Type.getArgumentTypes(descriptor)) {
            text.append(one.getDescriptor().charAt(0));
        }
        return text.toString();
    }

    static String slashed(String name) {
        return name.replace('.', '/');
    }
}
