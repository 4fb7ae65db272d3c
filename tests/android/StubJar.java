// SPDX-License-Identifier: Apache-2.0

import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import jadx.api.JadxArgs;
import jadx.core.clsp.ClsSet;
import jadx.core.clsp.ClspClass;
import jadx.core.clsp.ClspMethod;
import jadx.core.dex.instructions.args.ArgType;
import jadx.core.dex.nodes.RootNode;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * Writes a jar of Android's API as compilers read it: the classes and methods of jadx's class list, with the fields and
 * nullable results of the file of facts (see stub_facts.py). No method does anything, no constant has a value.
 */
public final class StubJar {
    private static final String OBJECT = Signatures.OBJECT;

    private final Map<String, ClspClass> classes = new HashMap<>();
    private final Map<String, List<String>> nested = new HashMap<>();
    private final Map<String, List<String[]>> fields = new HashMap<>();
    /** By class, method and shape of its parameters. */
    private final Map<String, Boolean> nullable = new HashMap<>();
    private final Signatures signatures = new Signatures(this::isInterface);
    private int fieldCount;
    private int methodCount;

    /** FACTS JAR; prints how many classes, fields and methods there are. */
    public static void main(String[] arguments) throws Exception {
        StubJar stubs = new StubJar();
        stubs.readClasses();
        stubs.readFacts(Files.readAllLines(Path.of(arguments[0])));
        stubs.write(Path.of(arguments[1]));
        System.out.println(stubs.classes.size() + " " + stubs.fieldCount + " " + stubs.methodCount);
    }

    private void readClasses() throws Exception {
        ClsSet set = new ClsSet(new RootNode(new JadxArgs()));
        set.loadFromClstFile();
        Field held = ClsSet.class.getDeclaredField("classes");
        held.setAccessible(true);
        for (ClspClass one : (ClspClass[]) held.get(set)) {
            String name = Signatures.slashed(one.getName());
            classes.put(name, one);
            if (name.contains("$")) {
                nested.computeIfAbsent(name.substring(0, name.lastIndexOf('$')), key -> new ArrayList<>()).add(name);
            }
        }
    }

    private void readFacts(List<String> lines) {
        String current = "";
        for (String line : lines) {
            String[] words = line.split("\t", -1);
            switch (words[0]) {
                case "class" -> current = words[1];
                case "field" -> fields.computeIfAbsent(current, key -> new ArrayList<>()).add(words);
                // where two overloads have the same shape, a result may be null only if it may be in both
                default -> nullable.merge(current + "." + words[1] + "(" + words[2], words[3].equals("1"), Boolean::logicalAnd);
            }
        }
    }

    private void write(Path jar) throws Exception {
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            zip.setLevel(1);
            for (String name : classes.keySet().stream().sorted().toList()) {
                ZipEntry entry = new ZipEntry(name + ".class");
                entry.setLastModifiedTime(FileTime.fromMillis(315532800000L));
                zip.putNextEntry(entry);
                zip.write(classFile(name, classes.get(name)));
            }
        }
    }

    private byte[] classFile(String name, ClspClass of) {
        List<ArgType> parents = new ArrayList<>(Arrays.asList(of.getParents() == null ? new ArgType[0] : of.getParents()));
        boolean isInterface = isInterface(name);
        String base = OBJECT;
        String baseSignature = "L" + OBJECT + ";";
        if (!isInterface && !parents.isEmpty() && !isInterface(Signatures.slashed(parents.get(0).getObject()))) {
            baseSignature = signatures.of(parents.remove(0));
            base = Signatures.erased(baseSignature);
        }
        parents.removeIf(one -> Signatures.slashed(one.getObject()).equals(OBJECT));
        String[] interfaces = parents.stream().map(one -> Signatures.erased(signatures.of(one))).toArray(String[]::new);
        StringBuilder generic = new StringBuilder(signatures.typeParameters(of.getTypeParameters())).append(baseSignature);
        parents.forEach(one -> generic.append(signatures.of(one)));

        ClassWriter writer = new ClassWriter(0);
        writer.visit(Opcodes.V1_8, access(name, of), name, generic.toString(), name.equals(OBJECT) ? null : base, interfaces);
        innerClasses(writer, name);
        writeFields(writer, name);
        for (ClspMethod method : of.getSortedMethodsList()) {
            writeMethod(writer, name, method, isInterface);
        }
        writer.visitEnd();
        return writer.toByteArray();
    }

    private int access(String name, ClspClass of) {
        boolean isAbstract = of.getMethodsMap().values().stream().anyMatch(one -> has(one, Opcodes.ACC_ABSTRACT));
        if (isInterface(name)) {
            boolean isAnnotation = extendsOne(of, "java/lang/annotation/Annotation");
            return Opcodes.ACC_PUBLIC | Opcodes.ACC_INTERFACE | Opcodes.ACC_ABSTRACT | (isAnnotation ? Opcodes.ACC_ANNOTATION : 0);
        }
        int flags = Opcodes.ACC_PUBLIC | Opcodes.ACC_SUPER | (isAbstract ? Opcodes.ACC_ABSTRACT : 0);
        return isEnum(of) ? flags | Opcodes.ACC_ENUM | (isAbstract ? 0 : Opcodes.ACC_FINAL) : flags;
    }

    private void innerClasses(ClassWriter writer, String name) {
        Set<String> told = new HashSet<>(nested.getOrDefault(name, List.of()));
        for (String outer = name; outer.contains("$"); outer = outer.substring(0, outer.lastIndexOf('$'))) {
            told.add(outer);
        }
        for (String one : told.stream().sorted().toList()) {
            int at = one.lastIndexOf('$');
            int flags = access(one, classes.get(one)) & ~Opcodes.ACC_SUPER;
            writer.visitInnerClass(one, one.substring(0, at), one.substring(at + 1), flags | Opcodes.ACC_STATIC);
        }
    }

    private void writeFields(ClassWriter writer, String name) {
        boolean isEnum = isEnum(classes.get(name));
        for (String[] words : fields.getOrDefault(name, List.of())) {
            boolean isStatic = words[2].equals("1");
            int flags = Opcodes.ACC_PUBLIC | (isStatic ? Opcodes.ACC_STATIC | Opcodes.ACC_FINAL : 0);
            if (isEnum && words[3].equals("L" + name + ";")) {
                flags |= Opcodes.ACC_ENUM;
            }
            writer.visitField(flags, words[1], words[3], words[4].isEmpty() ? null : words[4], null).visitEnd();
            fieldCount++;
        }
    }

    private void writeMethod(ClassWriter writer, String owner, ClspMethod method, boolean ofInterface) {
        String shortId = method.getMethodInfo().getShortId();
        int at = shortId.indexOf('(');
        String name = shortId.substring(0, at);
        String descriptor = shortId.substring(at);
        String[] thrown = method.getThrows().stream().map(one -> Signatures.erased(signatures.of(one))).toArray(String[]::new);
        int flags = method.getRawAccessFlags() & 0xFFFF & ~(Opcodes.ACC_SYNCHRONIZED | Opcodes.ACC_NATIVE | Opcodes.ACC_STRICT);
        if (ofInterface && !name.startsWith("<")) {
            flags |= Opcodes.ACC_PUBLIC;
        }
        MethodVisitor written = writer.visitMethod(flags, name, descriptor, signatures.of(method), thrown);
        if (Boolean.TRUE.equals(nullable.get(owner + "." + name + "(" + Signatures.shape(descriptor)))) {
            written.visitAnnotation("Lorg/jetbrains/annotations/Nullable;", false).visitEnd();
        }
        if ((flags & Opcodes.ACC_ABSTRACT) == 0) {
            written.visitCode();
            written.visitInsn(Opcodes.ACONST_NULL);
            written.visitInsn(Opcodes.ATHROW);
            written.visitMaxs(1, (Type.getArgumentsAndReturnSizes(descriptor) >> 2));
        }
        written.visitEnd();
        methodCount++;
    }

    /** The list does not say it: of android.jar every class has a constructor, be it one that nobody sees. */
    private boolean isInterface(String name) {
        ClspClass of = classes.get(name);
        return of != null && !name.equals(OBJECT) && !isEnum(of)
            && of.getMethodsMap().keySet().stream().noneMatch(one -> one.startsWith("<init>("));
    }

    private boolean isEnum(ClspClass of) {
        return extendsOne(of, "java/lang/Enum");
    }

    private static boolean extendsOne(ClspClass of, String parent) {
        return of.getParents() != null && Arrays.stream(of.getParents()).anyMatch(one -> Signatures.slashed(one.getObject()).equals(parent));
    }

    private static boolean has(ClspMethod method, int flag) {
        return (method.getRawAccessFlags() & flag) != 0;
    }
}
